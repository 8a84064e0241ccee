"""The controller's binary as one process, with the service account of deploy/."""
import os
import signal
import subprocess
import time
from pathlib import Path

import requests

from . import config
from .waiting import Failed, eventually


class Controller:
    starts = 0      # of all controllers of this run

    def __init__(self, kubeconfig: Path, name: str = 'controller', port: int = config.CONTROLLER_PORT,
                 binary: Path = config.BINARY, **environment: str):
        self.kubeconfig, self.name, self.port = kubeconfig, name, port
        self.binary, self.environment = binary, environment
        self.log = config.REPORT / f'{name}.log'
        self.process: subprocess.Popen | None = None

    def start(self, ready: bool = True, **settings: str) -> None:
        if self.get('/healthz'):
            raise Failed(f'another process listens on port {self.port}')
        environment = {
            'PATH': os.environ['PATH'], 'HOME': str(config.HOME), 'KUBECONFIG': str(self.kubeconfig),
            'POD_NAMESPACE': 'evenkeel-system', 'HOSTNAME': self.name, 'RUST_BACKTRACE': '1', **self.environment}
        flags = [part for name, value in {**SETTINGS, **settings}.items() for part in ('--' + name.replace('_', '-'), value)]
        command = [str(self.binary), 'run', '--bind-address', f'127.0.0.1:{self.port}', '--log-format', 'json', *flags]
        with self.log.open('ab') as log:
            log.write(f'--- {time.strftime("%T")} {" ".join(command)}\n'.encode())
            log.flush()
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        Controller.starts += 1
        if ready:
            try:
                self.wait_ready()
            except Failed:
                self.kill()
                raise

    def wait_ready(self, timeout: float = 60) -> None:
        def probe():
            if self.process.poll() is not None:
                raise Failed(f'the controller ended with {self.process.returncode}; see {self.log}: {self.tail()}')
            return self.get('/readyz')
        eventually('the controller is ready', probe, lambda response: response and response.status_code == 200, timeout)

    def get(self, path: str) -> requests.Response | None:
        try:
            return requests.get(f'http://127.0.0.1:{self.port}{path}', timeout=5)
        except requests.ConnectionError:
            return None

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Sends SIGKILL: no graceful shutdown, no release of the Lease."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 30) -> float:
        """Sends SIGTERM and returns the time until the process ended."""
        if not self.running():
            return 0
        if response := self.get('/metrics'):
            with (config.REPORT / f'{self.name}.metrics').open('a') as kept:
                kept.write(response.text)
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f'the controller did not stop within {timeout:g} s')
        return time.monotonic() - started

    def tail(self, lines: int = 5) -> str:
        return '\n'.join(self.log.read_text(errors='replace').splitlines()[-lines:])


# Half of the defaults and less: a create that never reached Octavia, or a load balancer that stays locked, must not cost a
# scenario minutes.
SETTINGS = {'cluster_id': 'e2e', 'create_timeout': '60s', 'quiet_period': '75s', 'stuck_after': '1m'}
