"""The Secrets of the stacks: `clouds.yaml` with one cloud of the lab."""
import yaml

from . import config
from .proxy import Proxy

# Every value in a Secret of the stacks, wrong ones included, for the search of leaked secrets.
secret_values: set[str] = set()
SECRET_FIELDS = ('password', 'application_credential_secret')
# Keys of clouds.yaml that override an endpoint.
OVERRIDES = {'octavia': 'load_balancer_endpoint_override', 'neutron': 'network_endpoint_override',
             'barbican': 'key_manager_endpoint_override'}


def credentials(name: str = 'openstack', cloud: str = 'openstack', proxies: dict[str, Proxy] | None = None, **auth) -> dict:
    """The Secret of the stacks: one cloud of the lab under the name `openstack`."""
    entry = yaml.safe_load(config.CLOUDS_YAML.read_text())['clouds'][cloud]
    entry['auth'] = {**entry['auth'], **auth}
    secret_values.update(entry['auth'][field] for field in SECRET_FIELDS if field in entry['auth'])
    for service, proxy in (proxies or {}).items():
        if service == 'keystone':
            entry['auth']['auth_url'] = proxy.url
        else:
            entry[OVERRIDES[service]] = proxy.url
    return {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': name},
            'stringData': {'clouds.yaml': yaml.safe_dump({'clouds': {'openstack': entry}})}}
