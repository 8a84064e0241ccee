"""Stacks whose members come from Services, and the members that they have."""
from .client import serving, who
from .stacks import listener, monitor, pool, stack
from .waiting import eventually, expect

WINDOW = 2      # seconds: default of memberWindow
SLACK = 1.5     # seconds around a window: Octavia's lock delays a write, so that two may come closer


def sourced(name, port='http', target='PodIP', **more):
    return {'name': name, 'service': {'name': name, 'port': port, 'target': target}, **more}


def fronted(*sources, **spec):
    """A stack whose HTTP listener takes its members from these sources."""
    health = monitor(delay='2s', timeout='2s', maxRetries=1, urlPath='/ready')
    front = {**pool('web', members=0, healthMonitor=health), 'memberSources': list(sources)}
    return stack('web', [listener('http', 80, defaultPool='web')], [front], **spec)


def in_front_of(t, pods, service):
    """Name and VIP of a stack that serves the pods of a Service."""
    name = t.apply(fronted(sourced(service)))
    vip = t.ready(name)['status']['loadBalancer']['vipAddress']
    ready_members(t, name, pod_addresses(pods, service))
    serving('it serves', lambda: who(vip, 80))
    return name, vip


def endpoint(address, **conditions):
    """An endpoint of an EndpointSlice: ready, or with these conditions."""
    return {'addresses': [address], 'conditions': conditions or {'ready': True}}


def endpoint_slice(name, service_name, endpoints, family='IPv4'):
    """An EndpointSlice as a controller of its own writes it, on port 8080."""
    return {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',
            'metadata': {'name': name, 'labels': {'kubernetes.io/service-name': service_name}},
            'addressType': family, 'ports': [{'name': 'http', 'port': 8080}], 'endpoints': endpoints}


def members(t, name):
    """The members in the cloud."""
    return [m for p in t.cloud.tree(t.lb_id(name))['pools'] for m in p['members']]


def member_addresses(t, name):
    return {m['address'] for m in members(t, name)}


def ready_members(t, name, wanted, timeout=60):
    """Waits until the members are these addresses and the stack is Ready."""
    eventually(f'{name}: its members', lambda: member_addresses(t, name), lambda seen: seen == wanted(), timeout, every=0.3)
    t.ready(name)


def pod_addresses(pods, *names):
    return lambda: {p['status']['podIP'] for n in names for p in pods.of(n)}


def written_apart(t, since):
    """The writes of members, at least a window apart."""
    times = t.times_of_writes(since, 'PUT members', 'DELETE members')
    close = [(a, b) for a, b in zip(times, times[1:]) if b - a < WINDOW - SLACK]
    expect(not close, f'writes closer than {WINDOW} s: {close}')
    return times
