"""The interface of a scenario: its own namespace, kubectl, the judge, the controller, the request counts."""
import collections
import json
import re
import time
from typing import Callable

import yaml

from . import config
from .certificates import Certificates
from .cloud import Cloud
from .controller import Controller
from .credentials import credentials
from .judge import Judge
from .kube import Kube, Rejected, conditions, describe_conditions
from .project import Project
from .proxy import Proxy
from .requests_log import RequestLog
from .stored import NAMES, Contents, prefix
from .waiting import CONTROLLER, JUDGE, OCTAVIA, QUIET, Failed, eventually, expect, pause, same, waiting, waits

FINALIZER = 'evenkeel.dev/loadbalancer'
SECRET_FINALIZER = 'evenkeel.dev/credentials-in-use'
CLUSTER = 'e2e'
READY = 300


class Scenario:
    """The `t` of the scenario files: everything that a scenario does and checks goes through it."""

    def __init__(self, name: str, controller: Controller, certificates: Certificates):
        self.name = name
        self.namespace = f"e2e-{re.sub('[^a-z0-9]+', '-', name)}-{int(time.time()) % 100000}"
        self.controller, self.certificates = controller, certificates
        self.kube, self.cloud = Kube(), Cloud()
        self.log = RequestLog()
        self.note = ''                              # of the scenario itself, for the table
        self.reasons: list[str] = []                # of Ready, in the order in which the stacks reported them
        self.last_reason: dict[str, str] = {}       # by UID
        self.leaks: int | None = None               # resources left after the deletion of the stacks
        # All observed stacks and their load balancers, for the search of leftovers.
        self.uids: set[str] = set()
        self.names: set[str] = set()
        self.generations: dict[str, int] = {}
        self.lb_ids: set[str] = set()
        self.recorded: set[tuple[str, str]] = set()             # UIDs and resource versions
        self.states: dict[tuple[str, str], int] = {}            # allowed Events by stack and reason (`reported_once`)
        self.proxies: dict[str, Proxy] = {}                     # by service
        self.projects: list[Project] = []
        self.access: dict[str, str] = {}                        # login of the Secret `openstack`, if it has one of its own
        self.started_before = Controller.starts
        waits().clear()

    # -- before and after
    def begin(self) -> None:
        namespace = {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': self.namespace}}
        self.kube.apply(namespace, credentials(), namespace=self.namespace)

    def finish(self) -> None:
        """Deletes the stacks of the scenario and checks that nothing is left."""
        self._remember()
        self._record('stacks')
        self.kube.kubectl('delete', 'loadbalancerstacks', '--all', '-n', self.namespace, '--timeout', '300s')
        self._record('events')
        left = self.leftovers()
        self.leaks = len(left)
        expect(not left, f'left behind: {left}')
        # After the deletion, because a repeated Event may come long after its state.
        repeated = self._repeated_events()
        expect(not repeated, f'Events repeat themselves: {repeated}')
        secret = eventually('the Secret has no finalizer', lambda: self.kube.secret(self.namespace, 'openstack'),
                            lambda s: s is None or SECRET_FINALIZER not in s['metadata'].get('finalizers', []), 15)
        if secret:
            self.kube.kubectl('delete', 'namespace', self.namespace, '--wait=false')

    def behind(self, *services: str) -> list[Proxy]:
        """Routes the Secret `openstack` to these services through proxies from now on."""
        self.proxies = {service: Proxy(service) for service in services}
        self.kube.apply(credentials(proxies=self.proxies, **self.access), namespace=self.namespace)
        return list(self.proxies.values())

    def new_project(self, **more) -> Project:
        """Creates a project in which nothing may be left either."""
        project = Project(**more)
        self.projects.append(project)
        return project

    def own_project(self, **more) -> Project:
        """Points the Secret `openstack` and the judge to a new project from now on."""
        project = self.new_project(**more)
        self.cloud, self.access = project.cloud, {'cloud': 'demo', **project.auth}
        self.kube.apply(credentials(**self.access), namespace=self.namespace)
        return project

    def close(self) -> None:
        for proxy in self.proxies.values():
            proxy.down()
        for project in self.projects:
            project.remove()

    def _record(self, what: str) -> None:
        """Keeps the state of the cluster, for the search of leaked secrets."""
        kind = 'loadbalancerstacks' if what == 'stacks' else 'events.events.k8s.io'
        config.RECORDED.mkdir(parents=True, exist_ok=True)
        (config.RECORDED / f'{self.name}-{what}.yaml').write_text(self.kube.kubectl('get', kind, '-n', self.namespace, '-o', 'yaml'))

    def leftovers(self) -> list[str]:
        """Resources of this scenario's stacks in the cloud, and all resources in its own projects."""
        found = [left for project in self.projects for left in project.leftovers()]
        if self.cloud in [project.cloud for project in self.projects]:
            return found
        found += [f"load balancer {lb['id']}" for lb in self.cloud.load_balancers(self.namespace)]
        found += [f"floating IP {f['floating_ip_address']}" for f in self.cloud.marked_floating_ips(self.uids)]
        names = {f'octavia-lb-{i}' for i in self.lb_ids}
        found += [f"port {p['name']}" for p in self.cloud.ports(device_owner='Octavia') if p['name'] in names]
        return found + [f"secret {s['name']}" for s in self.stored_secrets()]

    def stored_secrets(self, *stacks: str) -> list[dict]:
        """The secrets in Barbican of these stacks, or of all observed ones."""
        prefixes = tuple(prefix(CLUSTER, self.namespace, name) for name in stacks or self.names)
        return [s for s in self.cloud.secrets(NAMES) if s['name'].startswith(prefixes)]

    def clean_up_by_force(self) -> None:
        """Cleans up after a failure, for the next scenario. The controller gets the first chance."""
        try:
            self.kube.kubectl('delete', 'loadbalancerstacks', '--all', '-n', self.namespace, '--timeout', '300s')
        except Rejected:
            self._take_off_finalizers('loadbalancerstack', [s['metadata']['name'] for s in self.kube.stacks(self.namespace)])
        for cloud in {self.cloud, *(project.cloud for project in self.projects)}:
            for lb in cloud.load_balancers(self.namespace):
                cloud.delete_load_balancer(lb['id'])
            for fip in cloud.marked_floating_ips(self.uids):
                cloud.delete_floating_ip(fip['id'])
        for stored in self.stored_secrets():
            self.cloud.delete_certificate(stored['secret_ref'])
        if self.kube.secret(self.namespace, 'openstack'):
            self._take_off_finalizers('secret', ['openstack'])
        self.kube.kubectl('delete', 'namespace', self.namespace, '--wait=false', '--ignore-not-found')

    def _take_off_finalizers(self, kind: str, names: list[str]) -> None:
        for name in names:
            self.kube.kubectl('patch', kind, name, '-n', self.namespace, '--type=merge', '-p', '{"metadata":{"finalizers":null}}')

    def keep_evidence(self) -> None:
        """Keeps the state of cluster and cloud at the time of a failure."""
        where = config.REPORT / self.name
        where.mkdir(parents=True, exist_ok=True)
        (where / 'cluster.yaml').write_text(self.kube.kubectl('get', 'loadbalancerstacks,events', '-n', self.namespace, '-o', 'yaml'))
        trees = [self.cloud.tree(lb['id']) for lb in self.cloud.load_balancers(self.namespace)]
        (where / 'cloud.json').write_text(json.dumps(trees, indent=1))
        writes = '\n'.join(json.dumps(w) for w in self.log.writes_of(self.namespace))
        (where / 'writes.jsonl').write_text(writes)

    def _repeated_events(self) -> list[str]:
        """Events that were repeated without a cause: `web: 3 times Creating`."""
        # A warning that no scenario waits for is one state. On a busy machine Octavia may take longer than the minute that is
        # waited here (`stuck_after`), for a create and for the deletion.
        counts = [(about, reason, count, 2 if reason == 'StuckPending' else 1) for (about, reason), count in self.events('Warning').items()]
        counts += self._normal_events()
        return [f'{about}: {count} times {reason}' for about, reason, count, most in counts
                if count > self.states.get((about, reason), most)]

    def _normal_events(self) -> list[tuple[str, str, int, int]]:
        """Stack, reason, number of times and limit of each normal Event, by UID, so that stacks of the same name do not add
        up."""
        count, troubles, names = collections.Counter(), collections.Counter(), {}
        for e in self.kube.all_events(self.namespace):
            uid = e['regarding'].get('uid', '')
            names[uid] = e['regarding']['name']
            if e['type'] == 'Normal':
                count[uid, e['reason']] += times(e)
            if e['type'] == 'Warning' or e['reason'] == 'Creating':
                troubles[uid] += times(e)
        most = self._bounds()
        return [(names[uid], reason, number, most(uid, reason, troubles[uid])) for (uid, reason), number in count.items()]

    def _bounds(self) -> Callable[[str, str, int], int]:
        """The limits of Events by reason, for a stack that was not well, or not there, `troubles` times. They hold for every
        scenario and each of its faults; a scenario with stricter limits uses `reported_once`."""
        writes, starts = self.log.writes_of(self.namespace), Controller.starts - self.started_before
        creates = collections.Counter(tag for w in writes if is_create(w) for tag in w['tags'])
        # Writes for all stacks of this time: a floating IP does not name its stack.
        of_neutron = [r for r in self.log.count().requests['neutron'] if r['method'] != 'GET']

        def most(uid: str, reason: str, troubles: int) -> int:
            # The observed generations, and the one of the deletion.
            generations = self.generations.get(uid, 1) + 1
            known = {
                'Creating': creates[f'evenkeel:uid={uid}'],         # one per create that Octavia accepted
                'Updating': generations + starts,                   # a new process does not know the earlier Events
                'Deleting': 1 + starts,                             # likewise
                'DriftCorrected': len(writes) + len(of_neutron),    # one per write
                'Deleted': 1,
                'Orphaned': 1,
            }
            # Ready, OutOfSync: for each generation, and again after each trouble. Two more for causes without an Event: a
            # conflict, a status that another client overwrote.
            return known.get(reason, generations + starts + troubles + 2)
        return most

    def _remember(self) -> None:
        for stack in self.kube.stacks(self.namespace):
            self._track(stack)

    def _track(self, stack: dict | None) -> dict | None:
        if stack:
            uid, generation = stack['metadata']['uid'], stack['metadata']['generation']
            self.uids.add(uid)
            self.names.add(stack['metadata']['name'])
            self.generations[uid] = max(generation, self.generations.get(uid, 0))
            if lb_id := ((stack.get('status') or {}).get('loadBalancer') or {}).get('id'):
                self.lb_ids.add(lb_id)
            self._record_version(stack)
        return stack

    def _record_version(self, stack: dict) -> None:
        """Keeps every observed version of the stacks, for the search of leaked secrets: a later status may hide an earlier
        one."""
        version = (stack['metadata']['uid'], stack['metadata']['resourceVersion'])
        if version not in self.recorded:
            self.recorded.add(version)
            self._record_reason(stack)
            config.RECORDED.mkdir(parents=True, exist_ok=True)
            with (config.RECORDED / f'{self.name}-seen.jsonl').open('a') as kept:
                kept.write(json.dumps(stack, ensure_ascii=False) + '\n')

    def _record_reason(self, stack: dict) -> None:
        """Records the reason of Ready whenever it changes."""
        reason, uid = conditions(stack).get('Ready', {}).get('reason'), stack['metadata']['uid']
        if reason and self.last_reason.get(uid) != reason:
            self.last_reason[uid] = reason
            if self.reasons[-1:] != [reason]:
                self.reasons.append(reason)

    def observation(self) -> str:
        """The note for the table: the scenario's own, or else the reasons that its stacks went through."""
        return self.note or ' > '.join(self.reasons)

    def creates(self) -> int:
        """Number of load balancers that the controller created for this scenario."""
        return len(list(filter(is_create, self.log.writes_of(self.namespace))))

    # -- the stack
    def example(self, name: str) -> dict:
        """A stack of examples/, with real certificates in place of named ones."""
        documents = yaml.safe_load_all((config.ROOT / 'examples' / name).read_text())
        stack = next(d for d in documents if d and d['kind'] == 'LoadBalancerStack')
        stack['metadata'].pop('namespace', None)
        return self.with_certificates(stack)

    def with_certificates(self, document: dict) -> dict:
        """Replaces every Barbican reference by an existing one."""
        return self.certificates.with_existing_references(document)

    def apply(self, stack: dict, *options: str) -> str:
        """Runs kubectl apply and returns the name of the stack."""
        self.kube.apply(stack, namespace=self.namespace, options=options)
        return stack['metadata']['name']

    def stack(self, name: str) -> dict | None:
        return self._track(self.kube.stack(self.namespace, name))

    def patch(self, name: str, patch: dict | list) -> None:
        """Runs kubectl patch: a dict is a merge patch, a list a JSON patch."""
        kind = 'json' if isinstance(patch, list) else 'merge'
        self.kube.kubectl('patch', 'loadbalancerstack', name, '-n', self.namespace, f'--type={kind}', '-p', json.dumps(patch))

    def edit(self, name: str, change: Callable[[dict], object]) -> None:
        """Changes the spec that was applied last, by a function, and applies it again."""
        annotations = self.stack(name)['metadata']['annotations']
        applied = json.loads(annotations['kubectl.kubernetes.io/last-applied-configuration'])
        change(applied['spec'])
        self.apply(applied)

    def change(self, name: str, what: str, change: Callable[[dict], object], writes: list[str] | None = None) -> None:
        """Edits, waits, and judges every field. With `writes`, the change must have cost exactly these."""
        started = time.time()
        self.edit(name, change)
        self.ready_and_right(name)
        if writes is not None:
            same(f'writes for: {what}', self.writes_since(started), writes)

    def rejected(self, do: Callable[[], object], saying: str) -> None:
        """Checks that the API server rejects the action with these words."""
        try:
            do()
        except Rejected as rejection:
            expect(saying in str(rejection), f'rejected, but not with {saying!r}: {rejection}')
        else:
            raise Failed(f'accepted; it should have been rejected with {saying!r}')

    def delete(self, name: str, wait: bool = True) -> None:
        self.stack(name)
        self.kube.kubectl('delete', 'loadbalancerstack', name, '-n', self.namespace, f'--wait={str(wait).lower()}')

    def ready(self, name: str, timeout: float = READY) -> dict:
        """Waits for Ready of the current generation, as a user would."""
        return self.condition(name, 'Ready', 'True', timeout=timeout)

    def condition(self, name: str, kind: str, status: str, reason: str | None = None, saying: str = '', timeout: float = 120) -> dict:
        """Waits for a condition of the current generation and returns the stack."""
        def holds(stack: dict | None) -> bool:
            c = conditions(stack or {}).get(kind)
            return bool(c and c['status'] == status and (reason is None or c['reason'] == reason) and saying in c['message']
                        and c['observedGeneration'] == stack['metadata']['generation'])
        what = f'{kind}={status} {reason or ""} {saying}'
        try:
            return eventually(what, lambda: self.stack(name), holds, timeout, every=0.3, kind=waits_for)
        except Failed:
            raise Failed(f'{name}: not within {timeout:g} s: {what}; its conditions: {describe_conditions(self.stack(name))}') from None

    def shows(self, name: str, reason: str, *words: str, timeout: float = 120) -> str:
        """Checks that the stack is not Ready for this reason, with all these words in the message. Returns the message."""
        def holds(stack: dict | None) -> bool:
            c = conditions(stack or {}).get('Ready')
            return bool(c and c['status'] == 'False' and c['reason'] == reason and all(w in c['message'] for w in words)
                        and c['observedGeneration'] == stack['metadata']['generation'])
        try:
            stack = eventually(reason, lambda: self.stack(name), holds, timeout, every=0.2, kind=waits_for)
        except Failed:
            raise Failed(f'{name}: not within {timeout:g} s: {reason} with {words}; its conditions: {describe_conditions(self.stack(name))}') from None
        return conditions(stack)['Ready']['message']

    def stalled(self, name: str, condition: str, reason: str, *words: str) -> None:
        """Checks that the stack is stalled, and that this condition is False for the same reason."""
        self.shows(name, reason, *words)
        for kind, status in ((condition, 'False'), ('Stalled', 'True')):
            self.condition(name, kind, status, reason=reason, saying=words[0])

    def events_about(self, name: str, reason: str) -> list[dict]:
        """The Events of a stack with this reason."""
        return [e for e in self.kube.events(self.namespace, name) if e['reason'] == reason]

    def events(self, kind: str = '') -> dict[tuple[str, str], int]:
        """Counts of Events by reason and stack. The recorder counts Events of one reason in one object."""
        count: dict[tuple[str, str], int] = {}
        for e in self.kube.all_events(self.namespace):
            if kind in ('', e['type']):
                key = (e['regarding']['name'], e['reason'])
                count[key] = count.get(key, 0) + times(e)
        return count

    def reported_once(self, name: str, reason: str, states: int = 1) -> None:
        """Checks for one Event per state, however long the state lasts and however often the controller retries. `finish`
        counts them again. Another outage, an edit or the deletion is another state."""
        self.states[name, reason] = states
        eventually(f'an Event {reason} about {name}', lambda: self.events().get((name, reason), 0), bool, 15)

    # -- the judge
    def lb_id(self, name: str) -> str:
        return self.stack(name)['status']['loadBalancer']['id']

    def differences(self, name: str, cloud: Cloud | None = None) -> list[str]:
        stack = self.stack(name)
        cloud = cloud or self.cloud
        with waiting(JUDGE):
            return Judge(cloud, stack, CLUSTER, Contents(self.kube, cloud, self.namespace)).compare(stack['status']['loadBalancer']['id'])

    def check(self, name: str, cloud: Cloud | None = None) -> None:
        """Compares every field with the stack. Compares twice, because the status follows the cloud with a short delay."""
        differences = self.differences(name, cloud)
        if differences:
            pause(3)
            differences = self.differences(name, cloud)
        expect(not differences, f'{name}: ' + '; '.join(differences))

    def ready_and_right(self, name: str, timeout: float = READY, cloud: Cloud | None = None) -> dict:
        """`cloud`: the cloud as the user of another project sees it."""
        stack = self.ready(name, timeout)
        self.check(name, cloud)
        return stack

    def writes_since(self, started: float) -> list[str]:
        """The controller's writes to this scenario's load balancers since then, as method and kind: `PUT members`."""
        return [_kind(w) for w in self.log.writes_of(self.namespace) if w['t'] > started]

    def times_of_writes(self, started: float, *kinds: str) -> list[float]:
        """Times of the writes of these kinds since then."""
        return [w['t'] for w in self.log.writes_of(self.namespace) if w['t'] > started and _kind(w) in kinds]


def waits_for(stack: dict | None) -> str:
    """The kind of wait of a stack that is not ready yet."""
    reason = conditions(stack or {}).get('Ready', {}).get('reason')
    return {'Locked': OCTAVIA, 'StuckPending': OCTAVIA, 'Deleting': OCTAVIA, 'CreateInDoubt': QUIET}.get(reason, CONTROLLER)


def times(event: dict) -> int:
    """Number of times that an Event occurred; one object may count repetitions."""
    return (event.get('series') or {}).get('count') or 1


def is_create(write: dict) -> bool:
    return write['method'] == 'POST' and write['path'].endswith('/loadbalancers') and write['status'] == 201


def _kind(write: dict) -> str:
    parts = [p for p in write['path'].split('/') if p and '-' not in p and not p.startswith('v2')]
    return f"{write['method']} {parts[-1]}"
