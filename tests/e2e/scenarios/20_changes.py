"""One change of each kind of object is one write, in place, and every other field keeps its value. It alone changes
the fields of load balancer, listener, pool, monitor and member one by one, and counts the writes of each."""
from harness.stacks import member, monitor, web

LISTENER, POOL, MONITOR, MEMBER = 'listeners', 'pools', 'healthmonitors', 'members'


def sets(kind, **fields):
    """Changes fields of the load balancer, the listener, the pool, its monitor or its first member; None removes a field."""
    def change(spec):
        target = {'loadbalancers': lambda: spec['loadBalancer'], LISTENER: lambda: spec['listeners'][0], POOL: lambda: spec['pools'][0],
                  MONITOR: lambda: spec['pools'][0]['healthMonitor'], MEMBER: lambda: spec['pools'][0]['members'][0]}[kind]()
        target.update(fields)
        for field in [f for f, value in fields.items() if value is None]:
            del target[field]
    return change


CHANGES = {
    'loadbalancers': [
        ('name', {'name': 'Shop "front"'}),
        ('description', {'description': 'the shop'}),
        ('tags', {'tags': ['team=shop', 'Prod']}),
        ('other tags', {'tags': ['team=web']}),
        ('admin state', {'adminStateUp': False}),
        ('all of it back', {'name': None, 'description': None, 'tags': None, 'adminStateUp': None}),
    ],
    LISTENER: [
        ('display name', {'displayName': 'Shop front (http)'}),
        ('description and tags', {'description': 'front', 'tags': ['a', 'b']}),
        ('connection limit', {'connectionLimit': 2000}),
        ('allowed CIDRs', {'allowedCIDRs': ['192.0.2.0/24', '198.51.100.7/32']}),
        ('headers', {'insertHeaders': ['X-Forwarded-For', 'X-Forwarded-Proto']}),
        ('timeouts', {'timeouts': {'clientData': '1m30s', 'memberConnect': '2s', 'memberData': '500ms', 'tcpInspect': '1s'}}),
        ('admin state', {'adminStateUp': False}),
        ('no default pool', {'defaultPool': None}),
        ('all of it back', {'displayName': None, 'description': None, 'tags': None, 'connectionLimit': None, 'allowedCIDRs': None,
                            'insertHeaders': None, 'timeouts': None, 'adminStateUp': None, 'defaultPool': 'web'}),
    ],
    POOL: [
        ('display name', {'displayName': 'Web servers'}),
        ('algorithm', {'algorithm': 'LEAST_CONNECTIONS'}),
        ('description and tags', {'description': 'the shop', 'tags': ['x']}),
        ('persistence', {'sessionPersistence': {'type': 'APP_COOKIE', 'cookieName': 'sid'}}),
        ('other persistence', {'sessionPersistence': {'type': 'HTTP_COOKIE'}}),
        ('admin state', {'adminStateUp': False}),
        ('all of it back', {'displayName': None, 'algorithm': 'ROUND_ROBIN', 'description': None, 'tags': None,
                            'sessionPersistence': None, 'adminStateUp': None}),
    ],
    MONITOR: [
        ('times', {'delay': '7s', 'timeout': '4s', 'maxRetries': 2, 'maxRetriesDown': 4}),
        ('HTTP', {'httpMethod': 'HEAD', 'urlPath': '/healthz?full=1', 'expectedCodes': '200-204', 'httpVersion': '1.1',
                  'domainName': 'shop.example'}),
        ('name, tags, admin state', {'displayName': 'watch', 'tags': ['m'], 'adminStateUp': False}),
        ('all of it back', {**monitor(), 'maxRetriesDown': None, 'httpMethod': None, 'urlPath': None, 'expectedCodes': None,
                            'httpVersion': None, 'domainName': None, 'displayName': None, 'tags': None, 'adminStateUp': None}),
    ],
    MEMBER: [
        ('weight', {'weight': 7}),
        ('name and tags', {'name': 'a', 'tags': ['blue']}),
        ('backup', {'backup': True}),
        ('monitor address and port', {'monitorAddress': '10.20.0.99', 'monitorPort': 9000}),
        ('admin state', {'adminStateUp': False}),
        ('all of it back', {**member(10), 'weight': None, 'name': None, 'tags': None, 'backup': None, 'monitorAddress': None, 'monitorPort': None,
                            'adminStateUp': None}),
    ],
}
cases = list(CHANGES)
gate = {MEMBER: ['change in place']}


def run(t, case):
    name = t.apply(web())
    t.ready_and_right(name)
    for what, fields in CHANGES[case]:
        t.change(name, f'{case}: {what}', sets(case, **fields), writes=[f'PUT {case}'])
