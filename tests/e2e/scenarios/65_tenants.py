"""Two namespaces share the credentials of one ClusterOpenStackCloud: the grant is given, withdrawn and given again, and the
objects of the other namespace are out of reach. It alone works with a cluster-scoped object of Evenkeel under the rights of
its service account."""
import time

from harness.kube import conditions
from harness.scenario import SECRET_FINALIZER
from harness.stacks import listener, member, monitor, pool, stack, web
from harness.tenants import SECRETS, VICTIM, Tenants
from harness.waiting import eventually, expect, same, steadily

cases = ['grant', 'objects_of_others', 'names_of_others', 'limit', 'rights']
VIP = {'subnet': {'name': 'tenant-v4'}}


def run(t, case):
    tenants = Tenants(t)
    tenants.begin()
    try:
        globals()[case](t, tenants)
    except BaseException:
        t.keep_evidence()
        raise
    finally:
        tenants.end()


def grant(t, tenants):
    """The grant decides at once, by name and by label; a withdrawn one deletes nothing and lets a stack be deleted"""
    name = t.apply(tenants.stack())
    t.shows(name, 'CloudNotGranted', t.namespace, tenants.name, 'spec.allowedNamespaces')
    t.condition(name, 'Stalled', 'True')
    same('creates', t.creates(), 0)
    tenants.grant(t.namespace)
    t.ready_and_right(name)
    seen = eventually('the user is counted', tenants.seen, lambda c: c['status'].get('users') == 1, 30)
    same('Ready of the cloud', conditions(seen)['Ready']['reason'], 'CredentialsAccepted')
    expect(SECRET_FINALIZER in seen['metadata']['finalizers'], 'the cloud lacks the finalizer')
    tenants.grant()
    withdrawn(t, name)
    tenants.grant(t.namespace)
    t.ready_and_right(name)
    tenants.cloud({'allowedNamespaces': {'from': 'Selected', 'selector': {'matchLabels': {'team': 'a'}}}})
    t.shows(name, 'CloudNotGranted')
    t.kube.kubectl('label', 'namespace', t.namespace, 'team=a')
    t.ready_and_right(name)
    t.kube.kubectl('label', 'namespace', t.namespace, 'team-')
    t.shows(name, 'CloudNotGranted')
    t.reported_once(name, 'CloudNotGranted', states=5)     # no grant yet, three withdrawals, and an edit
    t.kube.kubectl('delete', 'clusteropenstackcloud', tenants.name, '--wait=false')
    expect(tenants.seen(), 'the cloud is kept while a stack uses it')
    lb_id = t.lb_id(name)
    t.delete(name)
    same('the load balancer after its deletion', t.cloud.load_balancer(lb_id), None)
    eventually('the cloud is deleted after the stack', tenants.seen, lambda c: c is None, 90)
    t.note = 'given, withdrawn, given again'


def withdrawn(t, name):
    """Checks that the grant is withdrawn, and that an edit of the stack changes nothing."""
    t.shows(name, 'CloudNotGranted')
    since, lb_id = time.time(), t.lb_id(name)
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
    steadily('nothing is written', lambda: not t.writes_since(since), 12)
    same('the load balancer', t.cloud.load_balancer(lb_id)['provisioning_status'], 'ACTIVE')


def victim(t, tenants):
    """A stack of the second namespace with a floating IP and a certificate of its own, and its tree in the cloud."""
    certificate, key = t.certificates.files('ledger.example')
    secret = {'apiVersion': 'v1', 'kind': 'Secret', 'type': 'kubernetes.io/tls', 'metadata': {'name': f'{VICTIM}-tls'},
              'stringData': {'tls.crt': certificate.read_text(), 'tls.key': key.read_text()}}
    t.kube.apply(secret, namespace=tenants.other)
    tls = {'certificate': {'secretRef': {'name': f'{VICTIM}-tls'}}}
    theirs = stack(VICTIM, [listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls=tls)], [pool('web')],
                   load_balancer={'floatingIP': {'allocate': {'network': {'name': 'public'}}}})
    status = tenants.ready_in_other(tenants.sharing(theirs))['loadBalancer']
    return status, t.cloud.tree(status['id'])


def objects_of_others(t, tenants):
    """A stack that refers to an object of the other namespace is rejected by field, and nothing is read or written for it"""
    tenants.grant(t.namespace, tenants.other)
    status, tree = victim(t, tenants)
    group = t.cloud.neutron.create_security_group(name=f'{t.namespace}-theirs')
    try:
        tenants.grant(t.namespace, tenants.other, vipNetworks=['tenant'], memberNetworks=['members'], externalNetworks=[],
                      securityGroups=[], qosPolicies=[], memberCIDRs=['10.20.0.0/16'])
        since = time.time()
        ways = forbidden(t, status, tree, group)
        for number, (field, spec) in enumerate(ways):
            name = t.apply(tenants.sharing(stack(f'way-{number}', **spec)))
            t.shows(name, 'ForbiddenByCloud', field, tenants.name)
            t.condition(name, 'Accepted', 'False', reason='ForbiddenByCloud')
        tenants.names_nobody_else(VICTIM, tenants.secret)
        same('writes', t.writes_since(since), [])
        for number in range(len(ways)):
            t.delete(f'way-{number}')
        same('the tree of the other tenant', t.cloud.tree(status['id']), tree)
        t.note = f'{len(ways)} ways'
    finally:
        tenants.grant(t.namespace, tenants.other)
        t.cloud.neutron.delete_security_group(group['id'])


def forbidden(t, status, tree, group):
    """Ways to objects that no permission covers: the field, and the fields of a stack."""
    port, address, floating = status['vipPortID'], status['vipAddress'], status['floatingIP']
    floating_id = t.cloud.floating_ips(port_id=port)[0]['id']
    url = tree['listeners'][0]['default_tls_container_ref']
    vip, front = 'spec.loadBalancer.vip', 'spec.loadBalancer.floatingIP'

    def of_vip(field, **vip_fields):
        return f'{vip}.{field}', {'load_balancer': {'vip': vip_fields}}

    def of_floating_ip(field, **fields):
        return f'{front}.{field}', {'load_balancer': {'floatingIP': fields}}

    def of_pool(field, **fields):
        return f'spec.pools[web].{field}', {'pools': [{**pool('web', healthMonitor=monitor()), **fields}]}

    def of_listener(field, **tls):
        https = listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls=tls)
        return f'spec.listeners[https].tls.{field}', {'listeners': [https], 'pools': [pool('web')]}
    reference = {'barbicanRef': url}
    return [
        of_vip('port', port={'id': port}),
        of_vip('port', port={'name': f"octavia-lb-{status['id']}"}),
        of_floating_ip('existing', existing={'id': floating_id}),
        of_floating_ip('existing', existing={'address': floating}),
        of_listener('certificate.barbicanRef', certificate=reference),
        of_listener('sniCertificates[0].barbicanRef', certificate=reference, sniCertificates=[reference]),
        of_listener('clientCA.barbicanRef', certificate=reference, clientCA=reference, clientAuthentication='MANDATORY'),
        of_pool('tls.clientCertificate.barbicanRef', tls={'clientCertificate': reference}),
        of_pool('tls.ca.barbicanRef', tls={'ca': reference}),
        of_vip('securityGroups[0]', **VIP, securityGroups=[{'id': group['id']}]),
        of_vip('securityGroups[0]', **VIP, securityGroups=[{'name': group['name']}]),
        of_vip('qosPolicy', **VIP, qosPolicy={'name': 'gold'}),
        of_vip('network', network={'name': 'members'}),
        of_vip('subnet', subnet={'id': t.cloud.id_of('subnet', 'members-v4')}),
        of_floating_ip('allocate.network', allocate={'network': {'name': 'public'}}),
        of_pool(f'members[{address}:8080].address', members=[member(10), {'address': address, 'port': 8080}]),
        of_pool('members[10.20.0.10:8080].monitorAddress', members=[member(10, monitorAddress=address)]),
        of_pool('members[10.20.0.10:8080].subnet', members=[member(10, subnet={'name': 'tenant-v4'})]),
        of_pool('memberSources[nodes].monitorAddress',
                memberSources=[{'name': 'nodes', 'monitorAddress': address, 'nodes': {'port': 80}}]),
        of_pool('memberSources[nodes].subnet',
                memberSources=[{'name': 'nodes', 'subnet': {'name': 'tenant-v4'}, 'nodes': {'port': 80}}]),
    ]


def names_of_others(t, tenants):
    """Names lead into the own namespace alone, and a forged record or tag to nothing of another"""
    tenants.grant(t.namespace, tenants.other, memberCIDRs=['10.20.0.0/16'])
    status, tree = victim(t, tenants)
    t.rejected(lambda: t.apply(tenants.stack(tags=['evenkeel:uid=1'])), 'tags')
    both = web('both', cloudCredentialsRef={'clusterCloud': tenants.name, 'secretName': tenants.secret, 'cloudName': 'openstack'})
    t.rejected(lambda: t.apply(both), 'either secretName and cloudName are required, or clusterCloud')
    own = web('own', cloudCredentialsRef={'secretName': tenants.secret, 'cloudName': 'openstack'})
    t.shows(t.apply(own), 'CredentialsMissing')
    # The namesake of the other tenant's stack, with the names of its Secret, and of a Service that leads to it.
    name = t.apply(namesake(t, tenants, status['vipAddress']))
    t.condition(name, 'ResolvedRefs', 'False', saying=f'Secret {VICTIM}-tls does not exist')
    t.condition(name, 'ResolvedRefs', 'False', saying='spec.allow.memberCIDRs')
    made = eventually('a load balancer of its own', lambda: t.cloud.load_balancers(t.namespace, name), timeout=120)
    expect([lb['id'] for lb in made] != [status['id']], 'it has the load balancer of its namesake')
    mine = t.cloud.tree(t.cloud.active(made[0]['id'])['id'])
    same('listeners', [one['name'] for one in mine['listeners']], ['http'])
    same('members', [m['address'] for p in mine['pools'] for m in p['members']], [])
    forge(t, tenants, status['id'])
    tenants.names_nobody_else()
    for stack_name in (name, 'thief', 'own'):
        t.delete(stack_name)
    same('the tree of the other tenant', t.cloud.tree(status['id']), tree)


def namesake(t, tenants, address):
    """A stack with the name of the other tenant's: a certificate of a Secret that its own namespace lacks, and members from a
    Service whose endpoint is the other tenant's VIP."""
    service = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': VICTIM}, 'spec': {'ports': [{'port': 80}]}}
    slice_of_it = {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4', 'ports': [{'port': 80}],
                   'metadata': {'name': VICTIM, 'labels': {'kubernetes.io/service-name': VICTIM}},
                   'endpoints': [{'addresses': [address], 'conditions': {'ready': True}}]}
    t.kube.apply(service, slice_of_it, namespace=t.namespace)
    tls = {'certificate': {'secretRef': {'name': f'{VICTIM}-tls'}}}
    source = {'name': 'pods', 'service': {'name': VICTIM, 'port': 80, 'target': 'PodIP'}}
    listeners = [listener('http', 80, defaultPool='web'), listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls=tls)]
    return tenants.sharing(stack(VICTIM, listeners, [{**pool('web', members=0), 'memberSources': [source]}]))


def forge(t, tenants, lb_id):
    """Writes the other tenant's load balancer into the status of a stack, which no tenant may: it is left alone."""
    name = t.apply(tenants.stack('thief', paused=True))
    t.kube.kubectl('patch', 'loadbalancerstack', name, '-n', t.namespace, '--subresource=status', '--type=merge', '-p',
                   f'{{"status": {{"loadBalancer": {{"id": "{lb_id}"}}}}}}')
    t.edit(name, lambda spec: spec.pop('paused'))
    t.shows(name, 'OwnershipConflict', lb_id)


def limit(t, tenants):
    """A namespace has no more load balancers than it may, also with a forged record of a create"""
    tenants.grant(t.namespace, maxLoadBalancersPerNamespace=1)
    name = t.apply(tenants.stack())
    t.ready_and_right(name)
    more = tenants.stack('more')
    more['metadata']['annotations'] = {'evenkeel.dev/create-pending': 'aa@2020-01-01T00:00:00Z'}
    t.apply(more)
    t.shows('more', 'ForbiddenByCloud', 'spec.allow.maxLoadBalancersPerNamespace', 'which is 1', timeout=180)
    same('creates', t.creates(), 1)
    t.delete(name)
    t.ready_and_right('more')
    tenants.grant(t.namespace, maxLoadBalancersPerNamespace=0)
    t.change('more', 'weight', lambda spec: spec['pools'][0]['members'][0].update(weight=7), writes=['PUT members'])


def rights(t, tenants):
    """A tenant with the role `edit` reads no other namespace, and writes no grant, no label of a namespace and no status"""
    tenants.let_edit()
    own = t.namespace
    eventually('stacks', lambda: tenants.may('create', 'loadbalancerstacks.evenkeel.dev', own), timeout=15)
    expect(tenants.may('get', 'secrets', own), 'Secrets of the own namespace')
    forbidden_rights = [
        ('get', 'secrets', SECRETS), ('get', 'secrets', tenants.other), ('get', 'configmaps', tenants.other),
        ('get', 'loadbalancerstacks.evenkeel.dev', tenants.other), ('patch', 'loadbalancerstacks.evenkeel.dev', tenants.other),
        ('patch', 'loadbalancerstacks.evenkeel.dev', own, '--subresource=status'), ('patch', 'namespaces', own),
        *((verb, 'clusteropenstackclouds.evenkeel.dev', own) for verb in ('get', 'create', 'patch', 'delete')),
    ]
    granted = [right for right in forbidden_rights if tenants.may(*right)]
    same('rights that no tenant may have', granted, [])
    t.note = f'{len(forbidden_rights)} rights that no tenant has'
