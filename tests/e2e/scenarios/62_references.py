"""What cannot work is refused before any write, with a condition that names the field; it goes on by itself when mended."""
from harness.stacks import listener, member, pool, stack
from harness.waiting import same

VIP = {'subnet': {'name': 'tenant-v4'}}
UNKNOWN = '00000000-0000-4000-8000-000000000000'
SECRET = 'https://barbican.example/v1/secrets/' + UNKNOWN
# (changed fields of the load balancer, of the listener, of the member, words of the message)
WRONG = {
    'subnet-by-name': ({'vip': {'subnet': {'name': 'nowhere'}}}, {}, {}, 'nowhere'),
    'subnet-by-id': ({'vip': {'subnet': {'id': UNKNOWN}}}, {}, {}, UNKNOWN),
    'network': ({'vip': {'network': {'name': 'nowhere'}}}, {}, {}, 'nowhere'),
    'port': ({'vip': {'port': {'name': 'nowhere'}}}, {}, {}, 'nowhere'),
    'flavor': ({'vip': VIP, 'flavor': {'name': 'huge'}}, {}, {}, 'huge'),
    'zone': ({'vip': VIP, 'availabilityZone': 'mars'}, {}, {}, 'mars'),
    'provider': ({'vip': VIP, 'provider': 'f5'}, {}, {}, 'f5'),
    'qos-policy': ({'vip': {**VIP, 'qosPolicy': {'name': 'platinum'}}}, {}, {}, 'platinum'),
    'security-group': ({'vip': {**VIP, 'securityGroups': [{'name': 'nobody'}]}}, {}, {}, 'nobody'),
    'external-network': ({'vip': VIP, 'floatingIP': {'allocate': {'network': {'name': 'tenant'}}}}, {}, {}, 'floatingIP'),
    'floating-ip': ({'vip': VIP, 'floatingIP': {'existing': {'address': '203.0.113.250'}}}, {}, {}, '203.0.113.250'),
    'certificate': ({'vip': VIP}, {'protocol': 'TERMINATED_HTTPS', 'tls': {'certificate': {'barbicanRef': SECRET}}}, {}, UNKNOWN),
    'member-subnet': ({'vip': VIP}, {}, {'subnet': {'name': 'nowhere'}}, 'nowhere'),
    'address-outside': ({'vip': {**VIP, 'address': '192.0.2.1'}}, {}, {}, '192.0.2.1'),
}


def run(t):
    for name, (load_balancer, of_listener, of_member, _) in WRONG.items():
        t.apply(stack(name, [{**listener('http', 80, defaultPool='web'), **of_listener}],
                      [{**pool('web'), 'members': [member(10, **of_member)]}], load_balancer))
    t.apply(stack('algorithm', [listener('tcp', 80, 'TCP', defaultPool='web')], [pool('web', protocol='TCP', algorithm='SOURCE_IP_PORT')],
                  {'vip': VIP, 'provider': 'amphora'}))
    t.condition('algorithm', 'Accepted', 'False', reason='UnsupportedByServer', saying='provider amphora does not know SOURCE_IP_PORT')
    t.condition('algorithm', 'Stalled', 'True', saying='spec.pools[web].algorithm')
    for name, (*_, words) in WRONG.items():
        t.condition(name, 'Stalled', 'True', saying=words)
        t.condition(name, 'Ready', 'False', saying=words)
    same('load balancers', t.cloud.load_balancers(t.namespace), [])
    same('writes', t.log.writes_of(t.namespace), [])
    t.edit('subnet-by-name', lambda spec: spec['loadBalancer'].update(vip=VIP))
    t.ready_and_right('subnet-by-name')
    # one that is mended in the cloud, not in the stack
    port = t.cloud.make_port('tenant-v4', name='nowhere')
    try:
        t.ready('port')
        t.delete('port')
    finally:
        t.cloud.delete_port(port['id'])
