"""Stacks that several scenarios start from. The lab has the networks tenant (VIPs), members and public (external)."""


def stack(name: str, listeners: list[dict] = (), pools: list[dict] = (), load_balancer: dict | None = None, **spec) -> dict:
    return {'apiVersion': 'evenkeel.dev/v1alpha1', 'kind': 'LoadBalancerStack', 'metadata': {'name': name}, 'spec': {
        'cloudCredentialsRef': {'secretName': 'openstack', 'cloudName': 'openstack'},
        'loadBalancer': {'vip': {'subnet': {'name': 'tenant-v4'}}, **(load_balancer or {})},
        'listeners': list(listeners), 'pools': list(pools), **spec}}


def member(last: int, **more) -> dict:
    return {'address': f'10.20.0.{last}', 'port': 8080, **more}


def monitor(kind: str = 'HTTP', **more) -> dict:
    return {'type': kind, 'delay': '5s', 'timeout': '3s', 'maxRetries': 3, **more}


def pool(name: str, members: int = 2, protocol: str = 'HTTP', **more) -> dict:
    return {'name': name, 'protocol': protocol, 'algorithm': 'ROUND_ROBIN', 'members': [member(i + 10) for i in range(members)], **more}


def listener(name: str, port: int, protocol: str = 'HTTP', **more) -> dict:
    return {'name': name, 'protocol': protocol, 'port': port, **more}


def web(name: str = 'web', **spec) -> dict:
    """A stack with one listener and a monitored pool of two members."""
    return stack(name, [listener('http', 80, defaultPool='web')], [pool('web', healthMonitor=monitor())], **spec)


def reference(name: str = 'reference') -> dict:
    """The reference stack of the measurements: 1 load balancer, 3 listeners, 3 pools, 9 members, 3 monitors."""
    names = ('one', 'two', 'three')
    return stack(name, [listener(n, 8000 + i, defaultPool=n) for i, n in enumerate(names)],
                 [pool(n, members=3, healthMonitor=monitor()) for n in names])


def named(items: list[dict], name: str) -> dict:
    """The listener, pool or policy of that name."""
    return next(i for i in items if i['name'] == name)
