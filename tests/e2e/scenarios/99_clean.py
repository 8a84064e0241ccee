"""Final checks: no resource of Evenkeel is left in the cloud, and no secret of the run is in any log, status, Event
or metric. It alone checks the whole run, so it is the last one."""
from harness import config
from harness.leaks import expect_no_key_in, expect_none, known_keys, known_secrets
from harness.stored import NAMES
from harness.waiting import expect, same

serial = True
everywhere = True
gate = ['nothing left']


def run(t):
    left = [lb['name'] for lb in t.cloud.all('loadbalancers', tags='evenkeel:cluster=e2e')]
    same('load balancers', left, [])
    same('floating IPs', [f['floating_ip_address'] for f in t.cloud.floating_ips() if 'evenkeel' in f['description'] + str(f['tags'])], [])
    same('VIP ports', [p['name'] for p in t.cloud.ports(device_owner='Octavia')], [])
    same('secrets of stacks', [s['name'] for s in t.cloud.secrets(NAMES)], [])
    secrets, keys, texts = known_secrets(t), known_keys(t), written(t)
    expect_none(secrets, texts)
    expect_no_key_in(keys, texts)
    for where, text in texts.items():
        expect('gAAAAA' not in text, f'a token is written in {where}')
    t.note = f'{sum(map(len, [*secrets.values(), *keys.values()]))} secret values searched in {len(texts)} texts of {sum(map(len, texts.values())) >> 20} MiB'


def written(t):
    """All logs of the controllers, all observed states of stacks in the cluster, and the metrics."""
    texts = {str(path.relative_to(config.REPORT)): path.read_text(errors='replace')
             for path in config.REPORT.rglob('*') if path.is_file() and 'services' not in path.parts}
    texts['metrics'] = t.controller.get('/metrics').text
    texts['the cluster'] = t.kube.kubectl('get', 'events.events.k8s.io,loadbalancerstacks', '-A', '-o', 'yaml')
    return texts
