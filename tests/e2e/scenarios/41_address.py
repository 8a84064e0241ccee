"""All ways to choose address and hardware of a load balancer: by id, by name, network, port, two IP families, flavor.
It alone takes each way by itself, and shows that a port of the user outlives the load balancer."""
from harness.stacks import listener, stack
from harness.waiting import expect, same

cases = ['by_network', 'by_port', 'by_id', 'two_families', 'made_of']


def run(t, case):
    globals()[case](t)


def up(t, **load_balancer):
    name = t.apply(stack('web', [listener('tcp', 80, 'TCP')], load_balancer=load_balancer))
    return name, t.ready_and_right(name)['status']['loadBalancer']


def by_network(t):
    up(t, vip={'network': {'name': 'tenant'}})


def by_port(t):
    """A port of the user outlives the load balancer."""
    port = t.cloud.make_port('tenant-v4', name=f'{t.namespace}-vip')
    try:
        name, status = up(t, vip={'port': {'name': f'{t.namespace}-vip'}})
        same('VIP', status['vipAddress'], port['fixed_ips'][0]['ip_address'])
        t.delete(name)
        expect(t.cloud.ports(id=port['id']), 'the port is gone')
    finally:
        t.cloud.delete_port(port['id'])


def by_id(t):
    """A chosen address, whose change is rejected later."""
    subnet = t.cloud.id_of('subnet', 'tenant-v4b')
    name, status = up(t, vip={'subnet': {'id': subnet}, 'address': '10.11.7.7'})
    same('VIP', status['vipAddress'], '10.11.7.7')
    t.rejected(lambda: t.edit(name, lambda spec: spec['loadBalancer']['vip'].update(address='10.11.7.8')), 'cannot change')


def two_families(t):
    up(t, vip={'subnet': {'name': 'tenant-v4'}, 'additional': [{'subnet': {'name': 'tenant-v6'}, 'address': 'fd00:10:10::77'}]})


def made_of(t):
    """Provider, flavor, zone, QoS policy and security groups; the last two are added and removed."""
    name, _ = up(t, provider='amphora', flavor={'name': 'single'}, availabilityZone='az1',
                 vip={'subnet': {'name': 'tenant-v4'}, 'qosPolicy': {'name': 'gold'}, 'securityGroups': [{'name': 'web'}]})
    t.change(name, 'no groups', lambda spec: spec['loadBalancer']['vip'].pop('securityGroups'), ['PUT loadbalancers'])
    t.change(name, 'groups again', lambda spec: spec['loadBalancer']['vip'].update(securityGroups=[{'name': 'web'}]), ['PUT loadbalancers'])
