"""A container: one process at a time, its restarts, its readiness probe, its end."""
import asyncio
import contextlib
import os
import shlex
import signal
import ssl
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .report import log, now

if TYPE_CHECKING:
    from .pod import Pod

LAB = Path(__file__).resolve().parent.parent.parent
# The programs by the name of their image; others are executables in $KUBE_IMAGES.
IMAGES = {'workload': ['/usr/bin/python3', '-I', '-S', str(LAB / 'kube/workload.py')],
          'member': ['/usr/bin/python3', str(LAB / 'openstack/dp_member.py')]}
# Seconds until a container is started again: the first, doubled up to the last. A genuine kubelet waits for 10 s to 5 min.
BACKOFF, MAX_BACKOFF, STABLE = 0.5, 5, 10
FRESH = 0.05        # seconds to the next probe while the process does not listen yet
CREATING = {'waiting': {'reason': 'ContainerCreating'}}


class Container:
    def __init__(self, pod: 'Pod', spec: dict):
        self.pod, self.spec = pod, spec
        self.image = spec['image'].rsplit('/', 1)[-1].split('@')[0].split(':')[0]
        self.state, self.last = CREATING, {}
        self.ready, self.restarts = False, 0
        self.process: subprocess.Popen | None = None
        self.code: int | None = None        # of the last end, when it is not started again

    def status(self) -> dict:
        return {'name': self.spec['name'], 'image': self.spec['image'], 'imageID': self.image, 'ready': self.ready,
                'started': 'running' in self.state, 'restartCount': self.restarts, 'state': self.state, 'lastState': self.last}

    def set(self, **changes) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self.pod.changed.set()

    async def run(self) -> None:
        """Starts the process, again and again as the pod's restartPolicy demands."""
        policy, backoff = self.pod.object['spec'].get('restartPolicy', 'Always'), BACKOFF
        if not (program := self.program()):
            self.set(state={'waiting': {'reason': 'ErrImagePull', 'message': f"no program for image {self.spec['image']}"}})
            return
        while True:
            begun = time.monotonic()
            code = await self._once(program)
            if self.pod.deleting.is_set() or policy == 'Never' or policy == 'OnFailure' and code == 0:
                self.set(code=code)
                return
            backoff = BACKOFF if time.monotonic() - begun > STABLE else backoff
            self.set(last=self.state, state={'waiting': {
                'reason': 'CrashLoopBackOff', 'message': f"back-off {backoff:g}s restarting failed container={self.spec['name']}"}})
            await asyncio.sleep(backoff)
            if self.pod.deleting.is_set():
                return
            backoff = min(2 * backoff, MAX_BACKOFF)
            self.restarts += 1

    def program(self) -> list[str]:
        known = IMAGES.get(self.image) or self.spec.get('command')
        other = Path(os.environ.get('KUBE_IMAGES', '/nonexistent')) / self.image
        return known or ([str(other)] if other.exists() else [])

    async def _once(self, program: list[str]) -> int:
        """Runs the process once. Returns its exit code."""
        sandbox = self.pod.sandbox
        command, env = sandbox.command(program, self.spec)
        with open(f"{self.pod.output}_{self.spec['name']}.log", 'ab') as output:
            self.process = subprocess.Popen(command, env=env, cwd=sandbox.folder(self.spec), start_new_session=True,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        begun = now()
        probe = self.spec.get('readinessProbe')
        self.set(state={'running': {'startedAt': begun}}, ready=not probe)
        probing = asyncio.create_task(self._probe(probe)) if probe else None
        try:
            code = await wait_for_exit(self.process)
        finally:
            if probing:
                probing.cancel()
        code = code if code >= 0 else 128 - code
        self.set(ready=False, state={'terminated': {
            'exitCode': code, 'reason': 'Error' if code else 'Completed', 'startedAt': begun, 'finishedAt': now()}})
        return code

    async def stop(self) -> None:
        """The preStop hook, SIGTERM, and SIGKILL at the deadline of the pod."""
        if not self.process or self.process.poll() is not None:
            return
        await self._until_deadline(self._pre_stop())
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            await self._until_deadline(wait_for_exit(self.process))
        self.kill()
        await wait_for_exit(self.process)

    def kill(self) -> None:
        """Kills the process with its children."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    async def _until_deadline(self, coroutine) -> None:
        """Waits for the coroutine, until the deadline at most, which another deletion may bring forward."""
        task = asyncio.ensure_future(coroutine)
        while not task.done() and time.monotonic() < self.pod.deadline:
            await asyncio.wait([task], timeout=min(0.2, max(0, self.pod.deadline - time.monotonic())))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _pre_stop(self) -> None:
        hook = self.spec.get('lifecycle', {}).get('preStop', {})
        if 'sleep' in hook:
            await asyncio.sleep(hook['sleep']['seconds'])
        elif 'exec' in hook:
            command = hook['exec']['command']
            log(f'{self.pod.name}: preStop {shlex.join(command)}')
            process = await asyncio.create_subprocess_exec(*self.pod.sandbox.enter(command))
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()

    # -- readiness
    async def _probe(self, probe: dict) -> None:
        """Follows the readiness probe. A process that does not listen yet is probed again soon: a scenario should not wait
        for a whole period at each start."""
        await asyncio.sleep(probe.get('initialDelaySeconds', 0))
        passed = failed = 0
        while True:
            good, listens = await self._probe_once(probe)
            passed, failed = (passed + 1, 0) if good else (0, failed + 1)
            if passed >= probe.get('successThreshold', 1) and not self.ready:
                self.set(ready=True)
            elif failed >= probe.get('failureThreshold', 3) and self.ready:
                self.set(ready=False)
            fresh = not listens and not self.ready and failed < 100
            await asyncio.sleep(FRESH if fresh else probe.get('periodSeconds', 10))

    async def _probe_once(self, probe: dict) -> tuple[bool, bool]:
        """Probes once. Returns the verdict, and true when the process listens."""
        listens = False
        try:
            async with asyncio.timeout(probe.get('timeoutSeconds', 1)):
                how = probe.get('httpGet') or probe['tcpSocket']
                s = await self.pod.sandbox.connect(self._port(how['port']))
                listens = True
                if 'httpGet' not in probe:
                    s.close()
                    return True, True
                return await self._http(s, how), True
        except (OSError, asyncio.TimeoutError, ValueError, LookupError):
            return False, listens

    async def _http(self, s, how: dict) -> bool:
        tls = ssl._create_unverified_context() if how.get('scheme') == 'HTTPS' else None
        reader, writer = await asyncio.open_connection(sock=s, ssl=tls, server_hostname='' if tls else None)
        try:
            headers = {'Host': self.pod.sandbox.ip, 'User-Agent': 'kube-probe/lab', 'Connection': 'close',
                       **{h['name']: h['value'] for h in how.get('httpHeaders', [])}}
            lines = [f"GET {how.get('path', '/')} HTTP/1.1", *(f'{k}: {v}' for k, v in headers.items()), '', '']
            writer.write('\r\n'.join(lines).encode())
            return 200 <= int((await reader.readline()).split()[1]) < 400
        finally:
            writer.close()

    def _port(self, port: int | str) -> int:
        named = {p.get('name'): p['containerPort'] for p in self.spec.get('ports', [])}
        return port if isinstance(port, int) else named[port]


async def wait_for_exit(process: subprocess.Popen) -> int:
    """Waits for a process without a thread and without polling."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    fd = os.pidfd_open(process.pid) if process.returncode is None else None
    if fd is not None:
        loop.add_reader(fd, done.set)
        try:
            await done.wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
    return process.wait()
