#!/usr/bin/env python3
"""Fills the lab's cloud: identity, networks, Octavia flavors and zones; writes clouds.yaml. Run by up.sh.

    bootstrap.py identity | network | octavia | files | ready
"""
import json
import os
import sys
import time

import amqp
import openstack
import yaml

LAB_HOME = os.environ['LAB_HOME']
PASSWORD = os.environ['LAB_PW']
IP = '127.0.0.1'
PORTS = {name: os.environ[f'{name.upper()}_PORT'] for name in ('keystone', 'neutron', 'barbican', 'octavia')}
AUTH_URL = f'http://{IP}:{PORTS["keystone"]}/v3'
REGION = 'RegionOne'

ROLES = ('admin', 'member', 'reader', 'manager', 'service', 'load-balancer_member', 'load-balancer_observer',
         'load-balancer_global_observer', 'load-balancer_quota_admin', 'load-balancer_admin', 'creator', 'observer',
         'audit', 'key-manager:service-admin')
PROJECTS = ('admin', 'service', 'demo', 'demo2')
# user: (project, roles)
USERS = {
    'neutron': ('service', 'admin service'),
    'barbican': ('service', 'admin service'),
    'octavia': ('service', 'admin service'),
    'demo': ('demo', 'member load-balancer_member creator'),
    'demo2': ('demo2', 'member load-balancer_member creator'),
    'demo-reader': ('demo', 'reader load-balancer_observer'),
}
# The demo project's networks: subnet: (CIDR, IP version)
NETWORKS = {
    'tenant': {'tenant-v4': ('10.10.0.0/16', 4), 'tenant-v4b': ('10.11.0.0/16', 4), 'tenant-v6': ('fd00:10:10::/64', 6)},
    'members': {'members-v4': ('10.20.0.0/16', 4)},
}
FLAVORS = {'single': 'SINGLE', 'ha': 'ACTIVE_STANDBY'}
ZONES = ('az1', 'az2')


def connect(user='admin', project='admin'):
    return openstack.connect(
        load_yaml_config=False, load_envvars=False, region_name=REGION,
        auth={'auth_url': AUTH_URL, 'username': user, 'password': PASSWORD, 'project_name': project,
              'user_domain_id': 'default', 'project_domain_id': 'default'})


def identity():
    api = connect().identity
    roles = {r: api.find_role(r) or api.create_role(name=r) for r in ROLES}
    projects = {p: api.find_project(p) or api.create_project(name=p, domain_id='default') for p in PROJECTS}
    for name, (project, granted) in USERS.items():
        user = api.find_user(name) or api.create_user(
            name=name, password=PASSWORD, domain_id='default', default_project_id=projects[project].id)
        for role in granted.split():
            api.assign_project_role_to_user(projects[project], user, roles[role])
    api.assign_project_role_to_user(projects['demo'], api.find_user('admin'), roles['admin'])
    _endpoints(api)
    _application_credential()


def _endpoints(api):
    services = {s.type: s for s in api.services()}
    known = {(e.service_id, e.interface) for e in api.endpoints()}
    for kind, name in (('network', 'neutron'), ('key-manager', 'barbican'), ('load-balancer', 'octavia')):
        service = services.get(kind) or api.create_service(type=kind, name=name)
        for interface in ('public', 'internal', 'admin'):
            if (service.id, interface) not in known:
                api.create_endpoint(service_id=service.id, interface=interface, region_id=REGION, url=f'http://{IP}:{PORTS[name]}')


def _application_credential():
    """The application credential for the controller."""
    demo = connect('demo', 'demo')
    user = demo.current_user_id
    for old in demo.identity.application_credentials(user=user):
        demo.identity.delete_application_credential(user, old.id)
    created = demo.identity.create_application_credential(
        user=user, name='evenkeel', roles=[{'name': r} for r in ('load-balancer_member', 'member', 'creator')])
    path = f'{LAB_HOME}/etc/appcred.json'
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as f:
        json.dump({'id': created.id, 'secret': created.secret, 'user_id': user}, f)


def network():
    admin = connect()
    api, demo = admin.network, admin.identity.find_project('demo').id
    external = api.find_network('public') or api.create_network(
        name='public', is_router_external=True, provider_network_type='flat', provider_physical_network='public')
    if not api.find_subnet('public-v4'):
        api.create_subnet(name='public-v4', network_id=external.id, ip_version=4, cidr='203.0.113.0/24',
                          gateway_ip='203.0.113.1', is_dhcp_enabled=False)
    router = api.find_router('router') or api.create_router(
        name='router', project_id=demo, external_gateway_info={'network_id': external.id})
    for name, subnets in NETWORKS.items():
        net = api.find_network(name) or api.create_network(name=name, project_id=demo)
        for subnet, (cidr, version) in subnets.items():
            if not api.find_subnet(subnet):
                modes = {'ipv6_address_mode': 'dhcpv6-stateful', 'ipv6_ra_mode': 'dhcpv6-stateful'} if version == 6 else {}
                created = api.create_subnet(name=subnet, network_id=net.id, ip_version=version, cidr=cidr, project_id=demo, **modes)
                api.add_interface_to_router(router, subnet_id=created.id)
    if not api.find_qos_policy('gold'):
        api.create_qos_policy(name='gold', project_id=demo)
    own = connect('demo', 'demo').network
    if not own.find_security_group('web'):
        own.create_security_group(name='web')


def octavia():
    api = connect().load_balancer
    profiles = {p.name: p for p in api.flavor_profiles()}
    for name, topology in FLAVORS.items():
        if not api.find_flavor(name):
            profile = profiles.get(name) or api.create_flavor_profile(
                name=name, provider_name='amphora', flavor_data=json.dumps({'loadbalancer_topology': topology}))
            api.create_flavor(name=name, flavor_profile_id=profile.id, is_enabled=True)
    if api.get('/lbaas/availabilityzoneprofiles').status_code == 404:      # since API 2.14
        return
    profiles = {p.name: p for p in api.availability_zone_profiles()}
    for name in ZONES:
        if not api.find_availability_zone(name):
            profile = profiles.get(name) or api.create_availability_zone_profile(
                name=name, provider_name='amphora', availability_zone_data=json.dumps({'compute_zone': name}))
            api.create_availability_zone(name=name, availability_zone_profile_id=profile.id, is_enabled=True)


def files():
    with open(f'{LAB_HOME}/etc/appcred.json') as f:
        credential = json.load(f)

    def cloud(auth: dict, **more) -> dict:
        return {**more, 'auth': {'auth_url': AUTH_URL, **auth}, 'region_name': REGION, 'interface': 'public', 'identity_api_version': 3}

    def by_password(user: str, project: str) -> dict:
        return cloud({'username': user, 'password': PASSWORD, 'project_name': project,
                      'user_domain_id': 'default', 'project_domain_id': 'default'}, auth_type='password')

    secret = {'application_credential_secret': credential['secret']}
    clouds = {
        'openstack': cloud({'application_credential_id': credential['id'], **secret}, auth_type='v3applicationcredential'),
        'by-name': cloud({'application_credential_name': 'evenkeel', 'user_id': credential['user_id'], **secret},
                         auth_type='v3applicationcredential'),
        'demo': by_password('demo', 'demo'),
        'demo2': by_password('demo2', 'demo2'),
        'reader': by_password('demo-reader', 'demo'),
        'admin': by_password('admin', 'admin'),
    }
    with open(os.open(f'{LAB_HOME}/clouds.yaml', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as f:
        yaml.safe_dump({'clouds': clouds}, f, sort_keys=False)


def worker_listens() -> bool:
    """Waits until the worker has declared its queue: RabbitMQ drops messages to an undeclared one."""
    try:
        with amqp.Connection(f"{IP}:{os.environ['MQ_PORT']}", userid='oslab', password=PASSWORD) as connection:
            return connection.channel().queue_declare(os.environ['OCTAVIA_QUEUE'], passive=True).consumer_count > 0
    except (OSError, amqp.exceptions.AMQPError):
        return False


def ready():
    """Creates and deletes a load balancer, which shows that the worker works."""
    end = time.time() + 90
    while not worker_listens():
        if time.time() > end:
            sys.exit('the worker does not listen')
        time.sleep(0.2)
    demo = connect('demo', 'demo')
    api, end = demo.load_balancer, time.time() + 90
    lb = api.create_load_balancer(name='readiness', vip_subnet_id=demo.network.find_subnet('tenant-v4').id)
    while lb.provisioning_status not in ('ACTIVE', 'ERROR') and time.time() < end:
        time.sleep(0.2)
        lb = api.get_load_balancer(lb.id)
    if lb.provisioning_status != 'ACTIVE':
        sys.exit(f'the worker did not make a load balancer: {lb.provisioning_status}')
    api.delete_load_balancer(lb, cascade=True)
    while api.find_load_balancer(lb.id):
        if time.time() > end:
            sys.exit('the worker did not delete a load balancer')
        time.sleep(0.2)


if __name__ == '__main__':
    {f.__name__: f for f in (identity, network, octavia, files, ready)}[sys.argv[1]]()
