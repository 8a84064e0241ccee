"""Effects of other clients: ambiguous names, taken addresses, foreign owner tags, deleted ports, changed credentials;
and tags that Octavia's database considers equal. It alone has another client that holds, takes or deletes something
that a stack refers to."""
import time

from harness import config, operator
from harness.credentials import credentials
from harness.kube import conditions
from harness.stacks import listener, member, monitor, pool, stack, web
from harness.waiting import eventually, expect, same, steadily

cases = ['ambiguous_name', 'address_in_use', 'another_owner', 'restored', 'another_project', 'secret_taken', 'port_deleted',
         'port_deleted_plain', 'equal_tags']
KINDS = ['loadbalancers', 'listeners', 'pools', 'members', 'healthmonitors', 'l7policies', 'rules']
FLOATING = {'floatingIP': {'allocate': {'network': {'name': 'public'}}}}


def run(t, case):
    globals()[case](t)


def ambiguous_name(t):
    """Two ports have the name that a stack refers to"""
    name = f'{t.namespace}-vip'
    ports = [t.cloud.make_port('tenant-v4', name=name) for _ in range(2)]
    try:
        t.apply(web(load_balancer={'vip': {'port': {'name': name}}}))
        message = t.shows('web', 'ReferenceAmbiguous', 'spec.loadBalancer.vip.port', name)
        t.condition('web', 'ResolvedRefs', 'False', reason='ReferenceAmbiguous')
        t.condition('web', 'Stalled', 'True')
        t.reported_once('web', 'ReferenceAmbiguous')
        same('creates', t.creates(), 0)
        t.cloud.neutron.update_port(ports[1]['id'], name='another')
        t.ready_and_right('web')
        t.delete('web')
    finally:
        for port in ports:
            t.cloud.delete_port(port['id'])
    t.note = message[:150]


def address_in_use(t):
    """Another client has the address that a stack asks for, until it releases it"""
    port = t.cloud.make_port('tenant-v4b', name=f'{t.namespace}-in-the-way')
    address = port['fixed_ips'][0]['ip_address']
    try:
        name = t.apply(web(load_balancer={'vip': {'subnet': {'name': 'tenant-v4b'}, 'address': address}}))
        t.note = t.shows(name, 'Conflict', address, 'in use')[:150]
    finally:
        t.cloud.delete_port(port['id'])
    t.ready_and_right(name)
    same('creates', t.creates(), 1)


def another_owner(t):
    """The load balancer's owner tags name another stack: it is left unchanged"""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    tags = t.cloud.load_balancer(lb_id)['tags']
    other = [tag if not tag.startswith('evenkeel:uid=') else 'evenkeel:uid=00000000-0000-4000-8000-000000000000' for tag in tags]
    other = [tag if not tag.startswith('evenkeel:name=') else 'evenkeel:name=another-stack' for tag in other]
    t.cloud.write('PUT', f'loadbalancers/{lb_id}', {'loadbalancer': {'tags': other}})
    since = time.time()
    t.shows(name, 'OwnershipConflict', lb_id, '00000000-0000-4000-8000-000000000000', 'left alone', 'tags of this stack back')
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
    steadily('nothing is written', lambda: not t.writes_since(since), 12)
    t.reported_once(name, 'OwnershipConflict', states=2)     # before and after the edit
    t.cloud.active(lb_id)
    t.cloud.write('PUT', f'loadbalancers/{lb_id}', {'loadbalancer': {'tags': tags}})
    t.ready_and_right(name)
    same('load balancers', [lb['id'] for lb in t.cloud.load_balancers(t.namespace)], [lb_id])


def restored(t):
    """A stack is restored from a backup, with a new UID and without status: it takes its own load balancer over"""
    name = t.apply(web(load_balancer=FLOATING))
    before = t.ready_and_right(name)
    backup = {k: v for k, v in before.items() if k != 'status'}
    backup['metadata'] = {k: v for k, v in before['metadata'].items() if k in ('name', 'annotations')}
    # Lost together with its cluster: no controller deletes anything in the cloud.
    t.patch(name, {'spec': {'paused': True}})
    t.condition(name, 'Paused', 'True')
    t.delete(name, wait=False)
    t.patch(name, {'metadata': {'finalizers': None}})
    eventually('it is gone', lambda: t.stack(name), lambda s: s is None, 30)
    since = time.time()
    t.kube.apply(backup, namespace=t.namespace)
    after = t.ready_and_right(name)
    expect(after['metadata']['uid'] != before['metadata']['uid'], 'the same UID')
    for what in ('id', 'vipAddress', 'floatingIP'):
        same(what, after['status']['loadBalancer'].get(what), before['status']['loadBalancer'][what])
    same('load balancers', len(t.cloud.load_balancers(t.namespace)), 1)
    same('writes', t.writes_since(since), ['PUT loadbalancers'])


def another_project(t):
    """The credentials suddenly lead to another project: nothing is written there"""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    t.kube.apply(credentials(cloud='demo2'), namespace=t.namespace)
    since = time.time()
    t.shows(name, 'ProjectMismatch', lb_id, 'nothing is written', 'point the credentials back')
    t.condition(name, 'Stalled', 'True', reason='ProjectMismatch')
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
    t.shows(name, 'ProjectMismatch', lb_id)
    t.delete(name, wait=False)
    t.shows(name, 'ProjectMismatch', lb_id, 'point the credentials back', 'evenkeel.dev/deletion-policy=Orphan')
    t.condition(name, 'Stalled', 'True', reason='ProjectMismatch')
    steadily('the stack stays', lambda: t.stack(name), 5)
    t.reported_once(name, 'ProjectMismatch', states=3)     # of the stack, of its edit and of its deletion
    same('writes', t.writes_since(since), [])
    t.kube.apply(credentials(), namespace=t.namespace)
    eventually('the deletion ends', lambda: t.stack(name), lambda s: s is None, 120)


def secret_taken(t):
    """The Secret is deleted although stacks need it: another client removed the finalizer"""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    t.kube.kubectl('delete', 'secret', 'openstack', '-n', t.namespace, '--wait=false')
    t.ready_and_right(name)
    t.kube.kubectl('patch', 'secret', 'openstack', '-n', t.namespace, '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
    t.shows(name, 'CredentialsMissing', 'spec.cloudCredentialsRef', 'Secret openstack does not exist', 'make it')
    t.condition(name, 'ResolvedRefs', 'False', reason='CredentialsMissing')
    t.delete(name, wait=False)
    t.shows(name, 'CredentialsMissing', 'evenkeel.dev/deletion-policy=Orphan')
    t.reported_once(name, 'CredentialsMissing', states=2)     # of the stack and of its deletion
    t.condition(name, 'Stalled', 'True', reason='CredentialsMissing')
    t.kube.apply(credentials(), namespace=t.namespace)
    eventually('the deletion ends', lambda: t.stack(name), lambda s: s is None, 120)


def port_deleted(t):
    """A tenant deletes the VIP port of a load balancer in use, and the floating IP loses its port"""
    without_port(t, t.apply(web(load_balancer=FLOATING, resyncPeriod='10s')))


def port_deleted_plain(t):
    """The same without a floating IP: Octavia says ACTIVE, and only Neutron shows the loss"""
    since = time.time()
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    steadily('the stack is Ready while its port is there', lambda: conditions(t.stack(name))['Ready']['status'] == 'True', 25)
    without_port(t, name)
    same('writes', t.writes_since(since), ['POST loadbalancers'] * 2)


def without_port(t, name):
    """Deletes the VIP port; the stack reports it, and recovers once the load balancer has been deleted in Octavia"""
    status = t.ready_and_right(name)['status']['loadBalancer']
    t.cloud.delete_port(status['vipPortID'])
    lb_id = status['id']
    t.note = t.shows(name, 'VipPortMissing', status['vipPortID'], f'openstack loadbalancer delete --cascade {lb_id}')[:150]
    t.condition(name, 'Stalled', 'True', reason='VipPortMissing')
    t.reported_once(name, 'VipPortMissing')
    t.cloud.delete_load_balancer(lb_id)
    eventually('another load balancer', lambda: t.stack(name)['status']['loadBalancer'].get('id'), lambda i: i not in (None, lb_id), 120)
    after = t.ready_and_right(name)['status']['loadBalancer']
    for what in ('vipAddress', 'floatingIP'):
        same(what, after.get(what), status.get(what))


def equal_tags(t):
    """Tags that Octavia's database considers equal: rejected before any create; two writes replace one by the other"""
    same('characters that the database considers equal', _equal_characters(),
         (config.ROOT / 'src/model/collation.txt').read_text().splitlines())
    since = time.time()
    name = t.apply(_tagged('caf\u00e9', 'cafe'))
    t.shows(name, 'InvalidSpec', 'spec.loadBalancer.tags', 'spec.listeners[http].tags', 'are one tag')
    same('writes', t.writes_since(since), [])
    t.edit(name, lambda spec: spec.update(_tagged('cafe', 'kept')['spec']))
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    since = time.time()

    def change(spec):
        spec.update(_tagged('Caf\u00e9', 'kept')['spec'])
        spec['pools'][0]['members'][1]['weight'] = 7
    t.change(name, 'case and accent', change)
    same('writes', sorted(t.writes_since(since)), sorted(f'PUT {kind}' for kind in KINDS * 2))
    same('load balancer', t.lb_id(name), lb_id)
    same('warnings about writes', {k: v for k, v in t.events('Warning').items() if k[1] != 'InvalidSpec'}, {})


def _tagged(*tags):
    """Adds these tags to each kind of object"""
    more = {'tags': list(tags)}
    rule = {'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': '/no', **more}
    return stack('web', [listener('http', 80, defaultPool='web', l7Policies=[{'name': 'no', 'action': 'REJECT', 'rules': [rule], **more}], **more)],
                 [pool('web', healthMonitor=monitor(**more), **more) | {'members': [member(10, **more), member(11)]}],
                 load_balancer=more)


def _equal_characters() -> list[str]:
    """The characters from U+0020 to U+FFFF, in the order of their weights"""
    collation = operator.sql("select collation_name from information_schema.columns where table_schema='octavia' and table_name='tags' "
                             "and column_name='tag'").split()[1]
    rows = operator.sql(f'select seq, hex(weight_string(convert(char(seq using utf32) using utf8mb4) collate {collation})) '
                        'from seq_32_to_65535 where seq not between 55296 and 57343').splitlines()[1:]
    groups = {}
    for number, weight in (row.split('\t') for row in rows):
        groups.setdefault(weight, []).append(chr(int(number)))
    return [''.join(group) for _, group in sorted(groups.items()) if len(group) > 1]
