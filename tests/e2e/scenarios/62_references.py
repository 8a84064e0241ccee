"""Invalid references are rejected before any write, with a condition that names the field; a corrected one continues
by itself. It alone tries a missing or unsuitable object for each kind of reference, and an administrator's view of
Neutron."""
import time

from harness.certificates import Certificates
from harness.cloud import Cloud
from harness.credentials import credentials
from harness.stacks import listener, member, pool, stack
from harness.waiting import same

cases = ['wrong', 'certificates', 'administrator']
VIP = {'subnet': {'name': 'tenant-v4'}}
UNKNOWN = '00000000-0000-4000-8000-000000000000'
SECRET = 'https://barbican.example/v1/secrets/' + UNKNOWN
NOWHERE = {'name': 'nowhere'}
TO_DO = 'that the project sees: make it, share it with the project, or correct the reference'
# (changed fields of the load balancer, of the listener, of the member, the offending field, words of the message)
MISSING = {
    'subnet-by-name': ({'vip': {'subnet': NOWHERE}}, {}, {}, 'spec.loadBalancer.vip.subnet', 'no subnet with name "nowhere"'),
    'subnet-by-id': ({'vip': {'subnet': {'id': UNKNOWN}}}, {}, {}, 'spec.loadBalancer.vip.subnet', f'no subnet with id {UNKNOWN}'),
    'network': ({'vip': {'network': NOWHERE}}, {}, {}, 'spec.loadBalancer.vip.network', 'no network with name "nowhere"'),
    'port': ({'vip': {'port': NOWHERE}}, {}, {}, 'spec.loadBalancer.vip.port', 'no port with name "nowhere"'),
    'flavor': ({'vip': VIP, 'flavor': {'name': 'huge'}}, {}, {}, 'spec.loadBalancer.flavor', 'no flavor with name "huge"'),
    'zone': ({'vip': VIP, 'availabilityZone': 'mars'}, {}, {}, 'spec.loadBalancer.availabilityZone', 'no availability zone with name "mars"'),
    'provider': ({'vip': VIP, 'provider': 'f5'}, {}, {}, 'spec.loadBalancer.provider', 'no provider with name "f5"'),
    'qos-policy': ({'vip': {**VIP, 'qosPolicy': {'name': 'platinum'}}}, {}, {}, 'spec.loadBalancer.vip.qosPolicy', '"platinum"'),
    'security-group': ({'vip': {**VIP, 'securityGroups': [{'name': 'nobody'}]}}, {}, {}, 'spec.loadBalancer.vip.securityGroups[0]', '"nobody"'),
    'floating-ip': ({'vip': VIP, 'floatingIP': {'existing': {'address': '203.0.113.250'}}}, {}, {},
                    'spec.loadBalancer.floatingIP.existing', 'address 203.0.113.250'),
    'certificate': ({'vip': VIP}, {'protocol': 'TERMINATED_HTTPS', 'tls': {'certificate': {'barbicanRef': SECRET}}}, {},
                    'spec.listeners[http].tls.certificate', SECRET),
    'member-subnet': ({'vip': VIP}, {}, {'subnet': NOWHERE}, 'spec.pools[web].members[10.20.0.10:8080].subnet', '"nowhere"'),
}
UNUSABLE = {
    'external-network': ({'vip': VIP, 'floatingIP': {'allocate': {'network': {'name': 'tenant'}}}}, {}, {},
                         'spec.loadBalancer.floatingIP.allocate.network', 'is not external: floating IPs come from external networks only'),
}
INVALID = {
    'address-outside': ({'vip': {**VIP, 'address': '192.0.2.1'}}, {}, {}, 'spec.loadBalancer.vip.address',
                        '192.0.2.1 is not in the subnet, which is 10.10.0.0/16: choose an address of the subnet'),
}
# The condition that is False, the reason, and the remedy where the words do not have it.
WRONG = [(MISSING, 'ResolvedRefs', 'ReferenceNotFound', TO_DO), (UNUSABLE, 'ResolvedRefs', 'ReferenceUnusable', ''),
         (INVALID, 'Accepted', 'InvalidSpec', '')]


def run(t, case):
    globals()[case](t)


def wrong(t):
    """Names and ids of missing or unsuitable objects"""
    for stacks, *_ in WRONG:
        for name, (load_balancer, of_listener, of_member, *_) in stacks.items():
            t.apply(stack(name, [{**listener('http', 80, defaultPool='web'), **of_listener}],
                          [{**pool('web'), 'members': [member(10, **of_member)]}], load_balancer))
    t.apply(stack('algorithm', [listener('tcp', 80, 'TCP', defaultPool='web')], [pool('web', protocol='TCP', algorithm='SOURCE_IP_PORT')],
                  {'vip': VIP, 'provider': 'amphora'}))
    says(t, 'algorithm', 'Accepted', 'UnsupportedByCloud', 'spec.pools[web].algorithm', 'provider amphora does not know SOURCE_IP_PORT',
         'choose SOURCE_IP')
    for stacks, condition, reason, to_do in WRONG:
        for name, (*_, field, words) in stacks.items():
            says(t, name, condition, reason, f'{field}: ', words, to_do)
    same('load balancers', t.cloud.load_balancers(t.namespace), [])
    same('writes', t.log.writes_of(t.namespace), [])
    t.edit('subnet-by-name', lambda spec: spec['loadBalancer'].update(vip=VIP))
    t.ready_and_right('subnet-by-name')
    # this one is corrected in the cloud, not in the stack
    port = t.cloud.make_port('tenant-v4', name='nowhere')
    try:
        t.ready('port')
        t.delete('port')
    finally:
        t.cloud.delete_port(port['id'])


def says(t, name, condition, reason, *words):
    """Checks that the stack is stalled and reports the cause, with one Event."""
    t.stalled(name, condition, reason, *words)
    t.reported_once(name, reason)


def certificates(t):
    """References to Barbican objects that are no certificate, and to one that is deleted while the stack exists"""
    project = t.own_project()
    own = Certificates(project.cloud)
    own.key_material = t.certificates.key_material      # the last scenario searches for these keys too
    text = project.cloud.store_secret('e2e text', b'neither certificate nor key')
    generic = project.cloud.store_container('e2e generic', [{'name': 'text', 'secret_ref': text}], 'generic')
    field = 'spec.listeners[https].tls.certificate'
    name = t.apply(stack('web', [listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls={'certificate': {'barbicanRef': generic}})],
                         [pool('web')], {'vip': {'subnet': {'name': project.name}}}))
    says(t, name, 'ResolvedRefs', 'ReferenceUnusable', field, generic, 'it is a container of type generic, not certificate')
    # Only Octavia can judge the content of a secret, which it reads.
    t.edit(name, certified_by(text))
    t.shows(name, 'RequestRejected', 'PKCS12 bundle is unreadable', 'POST /v2/lbaas/loadbalancers: 400')
    t.condition(name, 'Stalled', 'True', reason='RequestRejected')
    t.reported_once(name, 'RequestRejected')
    # Octavia leaks the port of a create that it rejects this late.
    for port in project.cloud.ports(device_owner='Octavia'):
        project.cloud.delete_port(port['id'])
    reference = own.certificate('shop.example')
    t.edit(name, certified_by(reference))
    t.ready_and_right(name)
    same('responses to creates', [w['status'] for w in t.log.writes_of(t.namespace) if w['method'] == 'POST'], [400, 201])

    since = time.time()
    project.cloud.delete_certificate(reference)
    # References are cached for ten minutes per credentials: these are different ones, since they name the project by its id
    # too.
    t.kube.apply(credentials(**t.access, project_id=project.id), namespace=t.namespace)
    says(t, name, 'ResolvedRefs', 'ReferenceNotFound', field, reference, TO_DO)
    same('writes', t.writes_since(since), [])
    t.edit(name, certified_by(own.certificate('new.example')))
    t.ready_and_right(name)
    same('writes', t.writes_since(since), ['PUT listeners'])
    t.delete(name)
    own.delete_all()
    for reference in (generic, text):
        project.cloud.delete_certificate(reference)


def administrator(t):
    """An administrator sees everything in Neutron: names resolve to the project's own and shared objects, ids to any object"""
    other = t.new_project()
    theirs = {'name': other.name}
    group = other.admin.neutron.create_security_group(name=other.name, project_id=other.id)
    t.kube.apply(credentials(cloud='admin', project_name='demo'), namespace=t.namespace)
    refused = {
        'vip': ({'vip': {'subnet': theirs}}, {}, 'spec.loadBalancer.vip.subnet'),
        'network': ({'vip': {'network': theirs}}, {}, 'spec.loadBalancer.vip.network'),
        'additional': ({'vip': {**VIP, 'additional': [{'subnet': theirs}]}}, {}, 'spec.loadBalancer.vip.additional[0].subnet'),
        'group': ({'vip': {**VIP, 'securityGroups': [theirs]}}, {}, 'spec.loadBalancer.vip.securityGroups[0]'),
        'member': ({'vip': VIP}, {'subnet': theirs}, 'spec.pools[web].members[10.20.0.10:8080].subnet'),
        'floating': ({'vip': VIP, 'floatingIP': {'allocate': {'network': {'name': 'public'}, 'subnet': theirs}}}, {},
                     'spec.loadBalancer.floatingIP.allocate.subnet'),
    }

    def one(name, load_balancer, of_member, **spec):
        members = [member(10, **of_member)]
        t.apply(stack(name, [listener('http', 80, defaultPool='web')], [{**pool('web'), 'members': members}], load_balancer, **spec))

    for name, (load_balancer, of_member, _) in refused.items():
        one(name, load_balancer, of_member, managementPolicy='Observe')
    floating_ip = {'allocate': {'network': {'name': 'public'}, 'subnet': {'name': 'public-v4'}}}
    one('own', {'vip': {**VIP, 'securityGroups': [{'name': 'default'}]}, 'floatingIP': floating_ip}, {'subnet': {'name': 'members-v4'}})
    for name, (*_, field) in refused.items():
        says(t, name, 'ResolvedRefs', 'ReferenceNotFound', f'{field}: ', other.name)
    t.ready_and_right('own')
    same('load balancers', [lb['name'] for lb in t.cloud.load_balancers(t.namespace)], [f'{t.namespace}/own'])
    demo = Cloud('demo').connection.current_project_id
    policy = other.admin.neutron.create_rbac_policy(object_type='network', object_id=other.network.id, action='access_as_shared',
                                                    target_project_id=demo)
    try:
        t.edit('vip', lambda spec: spec['loadBalancer'].update(description='shared'))
        t.ready('vip')
    finally:
        other.admin.neutron.delete_rbac_policy(policy)
        other.admin.neutron.delete_security_group(group.id)


def certified_by(reference):
    return lambda spec: spec['listeners'][0]['tls'].update(certificate={'barbicanRef': reference})
