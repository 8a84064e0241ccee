#!/usr/bin/env python3
"""The map of a provider's answers: which requests it takes, refuses, gets stuck on, or accepts without an effect.

    provider_map.py [WORD...]     every case of harness/provider_cases.py, or those whose names contain one of these words

It needs a running lab with LAB_PROVIDER=ovn (`e2e.sh map` starts one). Each case has a load balancer of its own, sends one
request past Evenkeel, and waits until all objects are finished or the provider's threads have ended
(lab/openstack/wsgi/ovn_provider.py). OVN's northbound database (harness/ovn.py) tells what the provider made of it. The
verdicts:

    works        accepted, everything ACTIVE, and OVN does what Octavia says
    no effect    accepted and ACTIVE, but OVN did not change although the field belongs to the data plane
    wrong        accepted and ACTIVE, but OVN does something else than Octavia says
    error        an object is in ERROR
    stuck        an object stays PENDING: only the operator can free it
    refused      an error response

The table is also in map.json in the report.
"""
import collections
import contextlib
import json
import os
import re
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

warnings.filterwarnings('ignore')
os.environ.setdefault('EVENKEEL_BIN', 'none')

from harness import config, operator, ovn  # noqa: E402
from harness.cloud import LBAAS, Cloud, checked  # noqa: E402
from harness.provider_cases import MEMBERS, Case, cases, filled  # noqa: E402

AT_ONCE = int(os.environ.get('E2E_AT_ONCE', '4'))
VERDICTS = ('works', 'no effect', 'wrong', 'error', 'stuck', 'refused')
HEAD = '| request | verdict | response | left | in OVN |\n|---|---|---|---|---|'


@dataclass
class Answer:
    case: str
    verdict: str
    status: int = 0
    message: str = ''
    left: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def row(self) -> str:
        told = '; '.join(self.wrong and [f'**{w}**' for w in self.wrong] or self.changes) or '-'
        response = f'{self.status} {self.message}'.strip()
        return f'| {self.case} | {self.verdict} | {response} | {", ".join(self.left) or "-"} | {told} |'


class Trial:
    """One case on one load balancer."""

    def __init__(self, case: Case, cloud: Cloud, known: dict[str, str]):
        self.case, self.cloud, self.ids = case, cloud, dict(known)
        self.lb = self.port = None

    def run(self) -> Answer:
        try:
            answer = self._answer()
        except Exception as error:      # the map goes on without this case
            answer = Answer(self.case.name, 'error', message=f'the case failed: {type(error).__name__}: {error}'[:200])
        try:
            self._clean_up()
        except Exception as error:
            print(f'{self.case.name}: {self.lb} stays behind: {error}', file=sys.stderr)
        print(answer.row(), flush=True)
        return answer

    def _answer(self) -> Answer:
        if self.case.base is None:
            return self._create()
        self._send('POST', 'loadbalancers', self._body(self.case.base))
        if broken := self._settle():
            return Answer(self.case.name, 'error', message='the base was not created', left=broken)
        before = ovn.Northbound(self.lb)
        status, message = self._request(self.case)
        if status >= 400:
            left = self._settle()
            changes = before.changes(ovn.Northbound(self.lb))
            return Answer(self.case.name, 'stuck' if any('PENDING' in o for o in left) else 'refused', status, message, left, changes)
        left = self._settle()
        changes = before.changes(ovn.Northbound(self.lb))
        return self._judged(status, left, changes, self.case.effect and not changes)

    def _create(self) -> Answer:
        status, message = self._send('POST', 'loadbalancers', self._body(self.case.body), check=False)
        if status >= 400:
            return Answer(self.case.name, 'refused', status, message)
        left = self._settle()
        return self._judged(status, left, [], self.case.effect)

    def _judged(self, status: int, left: list[str], changes: list[str], silent: bool) -> Answer:
        wrong = [] if left or not self.cloud.load_balancer(self.lb) else self._differences()
        verdict = ('stuck' if any('PENDING' in o for o in left) else 'error' if left else 'wrong' if wrong
                   else 'no effect' if silent else 'works')
        return Answer(self.case.name, verdict, status, '', left, changes, wrong)

    def _differences(self) -> list[str]:
        """Asked a few times: the driver agent follows floating IPs by itself, and an object may go meanwhile."""
        found: list[str] = []
        for _ in range(5):
            try:
                found = ovn.differences(self.cloud, self.lb)
            except RuntimeError as error:
                found = [str(error)]
            if not found:
                break
            time.sleep(1)
        return found

    def _body(self, tree: dict) -> dict:
        if '{port}' in json.dumps(tree):
            self.port = self.cloud.make_port('tenant-v4', name='map')
            self.ids['port'] = self.port['id']
        lb = {'name': 'map', 'provider': 'ovn', 'vip_subnet_id': '{tenant-v4}', **tree}
        return {'loadbalancer': filled({k: v for k, v in lb.items() if v is not None}, self.ids)}

    def _request(self, case: Case) -> tuple[int, str]:
        path = re.sub(r'\{([\w-]+)\}', lambda m: self.ids[m[1]], case.path)
        return self._send(case.method, path, filled(case.body, self.ids), check=False)

    def _send(self, method: str, path: str, body, check: bool = True) -> tuple[int, str]:
        floating = path == 'floatingips'
        service = self.cloud.neutron if floating else self.cloud.octavia
        for _ in range(20):
            response = service.request(f'/{path}' if floating else f'{LBAAS}/{path}', method, **({'json': body} if body is not None else {}))
            if 'Project busy' not in response.text:      # creates of one project queue on its quota row
                break
        if check:
            checked(response)
        if response.status_code == 201 and path == 'loadbalancers':
            self._learn(response.json()['loadbalancer'])
        return response.status_code, _fault(response) if response.status_code >= 400 else ''

    def _learn(self, made: dict) -> None:
        self.lb = made['id']
        self.ids.update({'lb': made['id'], 'vip_port': made['vip_port_id']})
        for listener in made['listeners']:
            self.ids[listener['name']] = listener['id']
        for pool in made['pools']:
            self.ids[pool['name']] = pool['id']
            self.ids.update({m['name']: m['id'] for m in pool['members']})
            if pool.get('healthmonitor'):
                self.ids['monitor'] = pool['healthmonitor']['id']

    def _settle(self) -> list[str]:
        """Waits until nothing is PENDING, or until the provider is done; the objects that are neither ACTIVE nor gone."""
        self._states()
        threads, done = ovn.threads(), False
        while True:
            unfinished = sorted(f'{state}: {name}' for name, state in self._states().items() if state != 'ACTIVE')
            if done or not any('PENDING' in o for o in unfinished):
                return unfinished
            done = not threads & ovn.threads()
            time.sleep(0.3)

    def _states(self) -> dict[str, str]:
        response = self.cloud.octavia.get(f'{LBAAS}/loadbalancers/{self.lb}/status')
        if response.status_code == 404:
            return {}
        lb = checked(response)['statuses']['loadbalancer']
        names, states = {id_: name for name, id_ in self.ids.items()}, {'load balancer': lb['provisioning_status']}
        pools = [p for holder in (lb, *lb.get('listeners', [])) for p in holder.get('pools', [])]
        monitors = [p['health_monitor'] for p in pools if p.get('health_monitor')]
        for one in (*lb.get('listeners', []), *pools, *(m for p in pools for m in p.get('members', [])), *monitors):
            states[names.get(one['id'], one.get('name') or one.get('address') or one['id'])] = one['provisioning_status']
        return states

    def _clean_up(self) -> None:
        for floating in self.cloud.floating_ips(port_id=self.ids['vip_port']) if self.lb else []:
            self.cloud.delete_floating_ip(floating['id'])
        if self.lb and (lb := self.cloud.load_balancer(self.lb)):
            if 'PENDING' in lb['provisioning_status']:
                operator.set_state(self.lb, 'ERROR')
            self.cloud.write('DELETE', f'loadbalancers/{self.lb}?cascade=true')
            self.cloud.gone(self.lb, 900)
        if self.port:
            self.cloud.neutron.delete_port(self.port['id'], ignore_missing=True)


def _fault(response) -> str:
    try:
        document = response.json()
    except ValueError:
        return response.text[:120]
    message = document.get('faultstring') or (document.get('error') or document.get('NeutronError') or {}).get('message') or str(document)
    return re.sub(r'[0-9a-f]{8}-[0-9a-f-]{27}', 'ID', ' '.join(message.split()))[:160]


@contextlib.contextmanager
def member_ports(cloud: Cloud):
    """The ports of the members in the cases: OVN checks the health of ports alone."""
    made = []
    try:
        for subnet, net in (('tenant-v4', '10.10.200'), ('members-v4', '10.20.200')):
            network = cloud.neutron.get_subnet(cloud.id_of('subnet', subnet)).network_id
            made += [cloud.neutron.create_port(name='map', network_id=network, fixed_ips=[{'ip_address': f'{net}.{n}'}]).id for n in MEMBERS]
        yield
    finally:
        for port in made:
            cloud.delete_port(port)


def leftovers(cloud: Cloud) -> list[str]:
    """What requests left behind that Octavia had refused: rows of OVN and VIP ports without a load balancer."""
    living = {lb['id'] for lb in cloud.all('loadbalancers')}
    rows = [f"OVN row {row['name']}: {json.dumps(row['external_ids'], sort_keys=True)}"
            for row in ovn.rows('Load_Balancer', 'name', 'external_ids') if row['name'] not in living]
    ports = [f"port {port['name']}" for port in cloud.ports() if (m := re.search(r'-vip-(?:additional-\d+-)?([0-9a-f-]{36})', port['name'])) and m[1] not in living]
    return rows + ports


def main() -> int:
    cloud = Cloud()
    known = {name: cloud.id_of(kind, name) for kind, names in {
        'network': ('tenant', 'public'), 'subnet': ('tenant-v4', 'tenant-v4b', 'tenant-v6', 'members-v4'), 'qos_policy': ('gold',),
        'security_group': ('web',), 'flavor': ('single',)}.items() for name in names}
    wanted = [c for c in cases() if not sys.argv[1:] or any(word in c.name for word in sys.argv[1:])]
    began, before = time.monotonic(), set(leftovers(cloud))
    print(HEAD, flush=True)
    with member_ports(cloud), ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda case: Trial(case, Cloud(), known).run(), wanted))
    left = [line for line in leftovers(cloud) if line not in before]
    config.REPORT.mkdir(parents=True, exist_ok=True)
    (config.REPORT / 'map.json').write_text(json.dumps({'answers': [asdict(a) for a in answers], 'left behind': left}, indent=1))
    counts = collections.Counter(a.verdict for a in answers)
    print('\nleft behind by refused requests:\n' + '\n'.join(f'  {line}' for line in left) if left else '\nnothing was left behind')
    print(f'{len(answers)} requests in {time.monotonic() - began:.0f} s: ' + ', '.join(f'{counts[v]} {v}' for v in VERDICTS if counts[v]))
    return 0


if __name__ == '__main__':
    sys.exit(main())
