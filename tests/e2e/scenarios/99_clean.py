"""After everything: nothing of ours is left in the cloud, and no secret was written anywhere."""
import yaml

from harness import config
from harness.waiting import expect, same

serial = True


def run(t):
    left = [lb['name'] for lb in t.cloud.all('loadbalancers', tags='evenkeel:cluster=e2e')]
    same('load balancers', left, [])
    same('floating IPs', [f['floating_ip_address'] for f in t.cloud.floating_ips() if 'evenkeel' in f['description'] + str(f['tags'])], [])
    same('VIP ports', [p['name'] for p in t.cloud.ports(device_owner='Octavia')], [])
    clouds = yaml.safe_load(config.CLOUDS_YAML.read_text())['clouds']
    secrets = {s for cloud in clouds.values() for f in ('password', 'application_credential_secret') if (s := cloud['auth'].get(f))}
    written = {path.name: path.read_text(errors='replace') for path in config.REPORT.glob('*.log')}
    written['metrics'] = t.controller.get('/metrics').text
    written['the cluster'] = t.kube.kubectl('get', 'events,loadbalancerstacks', '-A', '-o', 'yaml')
    for where, text in written.items():
        expect(not any(secret in text for secret in secrets), f'a secret is written in {where}')
        expect('gAAAAA' not in text, f'a token is written in {where}')
