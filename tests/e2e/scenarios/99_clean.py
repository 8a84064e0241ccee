"""Final checks: no resource of Evenkeel is left in the cloud, and no secret of the run is in any log, status, Event
or metric. It alone checks the whole run, so it is the last one."""
import base64

import yaml

from harness import config, credentials, proxy
from harness.waiting import expect, same

serial = True
everywhere = True
gate = ['nothing left']


def run(t):
    left = [lb['name'] for lb in t.cloud.all('loadbalancers', tags='evenkeel:cluster=e2e')]
    same('load balancers', left, [])
    same('floating IPs', [f['floating_ip_address'] for f in t.cloud.floating_ips() if 'evenkeel' in f['description'] + str(f['tags'])], [])
    same('VIP ports', [p['name'] for p in t.cloud.ports(device_owner='Octavia')], [])
    secrets, texts = known_secrets(t), written(t)
    for where, text in texts.items():
        found = [kind for kind, values in secrets.items() if any(value in text for value in values)]
        expect(not found, f'in {where}: {found}')
        expect('gAAAAA' not in text, f'a token is written in {where}')
    t.note = f'{sum(map(len, secrets.values()))} secret values searched in {len(texts)} texts of {sum(map(len, texts.values())) >> 20} MiB'


def known_secrets(t):
    """Every secret value that the run knows, by kind."""
    clouds = yaml.safe_load(config.CLOUDS_YAML.read_text())['clouds']
    stored = {s for cloud in clouds.values() for f in credentials.SECRET_FIELDS if (s := cloud['auth'].get(f))} | credentials.secret_values
    account = yaml.safe_load(t.controller.kubeconfig.read_text())['users'][0]['user']['token']
    return {'a password or an application credential': stored, 'a token': proxy.tokens, 'a private key': t.certificates.key_material,
            "one of them in base64, as in a Secret's data": {text for s in stored for text in in_base64(s)},
            # Its last part, the signature: the others are no secrets.
            "the token of the controller's service account": {account.rsplit('.', 1)[-1]}}


def in_base64(secret):
    """Forms of a text in the middle of a base64 text: one of three, without the characters at both ends, which also depend
    on the neighbouring text."""
    content = secret.encode()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + content).decode()
        yield whole[-(-8 * before // 6):8 * (before + len(content)) // 6]


def written(t):
    """All logs of the controllers, all observed states of stacks in the cluster, and the metrics."""
    texts = {str(path.relative_to(config.REPORT)): path.read_text(errors='replace')
             for path in config.REPORT.rglob('*') if path.is_file() and 'services' not in path.parts}
    texts['metrics'] = t.controller.get('/metrics').text
    texts['the cluster'] = t.kube.kubectl('get', 'events.events.k8s.io,loadbalancerstacks', '-A', '-o', 'yaml')
    return texts
