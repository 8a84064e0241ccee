"""Coverage of the resource by specs: fields and enumeration values that are not used are not tested."""
import yaml

from . import config

CRD = config.ROOT / 'crds/evenkeel.dev_loadbalancerstacks.yaml'
# Not covered by random stacks, with the reason.
ELSEWHERE = {
    'deletionPolicy': 'scenario policies', 'managementPolicy': 'scenario policies', 'paused': 'scenario policies',
    'disruptionPolicy=Forbid': 'scenario disruption: a held-back change does not become Ready',
    'loadBalancer.floatingIP.existing': 'scenario floating_ip',
    'loadBalancer.floatingIP.allocate.address': 'scenario floating_ip: for administrators only',
    'loadBalancer.floatingIP.allocate.reclaimPolicy=Retain': 'scenario floating_ip: it would be left over',
    'loadBalancer.vip.port': 'scenario address', 'pools[].algorithm=SOURCE_IP_PORT': 'provider ovn only',
    'listeners[].insertHeaders[]=X-Forwarded-IP': 'never added by provider amphora', 'listeners[].insertHeaders[]=X-Client-IP': 'as before',
    'listeners[].insertHeaders[]=X-Real-IP': 'as before', 'cloudCredentialsRef.clusterCloud': 'scenario tenants',
}


def unused(specs: list[dict]) -> list[str]:
    """Fields and enumeration values that none of these specs has. References count by name; by id they are the same."""
    schema = yaml.safe_load(CRD.read_text())['spec']['versions'][0]['schema']['openAPIV3Schema']
    wanted, used = set(), set()
    _wanted(schema['properties']['spec'], '', wanted)
    for spec in specs:
        _used(spec, '', used)
    return sorted(w for w in wanted - used if not any(w.startswith(known) for known in ELSEWHERE) and not w.endswith('.id'))


def _wanted(schema: dict, path: str, into: set[str]) -> None:
    for field, below in schema.get('properties', {}).items():
        _wanted(below, f'{path}.{field}' if path else field, into)
    if 'items' in schema:
        _wanted(schema['items'], f'{path}[]', into)
    elif 'properties' not in schema:
        into.add(path)
        into.update(f'{path}={word}' for word in schema.get('enum', []) if word is not None)


def _used(value, path: str, into: set[str]) -> None:
    if isinstance(value, dict):
        into.add(path)      # labels have names of their own
        for field, below in value.items():
            _used(below, f'{path}.{field}' if path else field, into)
    elif isinstance(value, list):
        for item in value:
            _used(item, f'{path}[]', into)
    else:
        into.update({path, f'{path}={value}'})
