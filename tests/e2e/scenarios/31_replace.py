"""Immutable fields lead to replacements in an order that Octavia accepts, and no listener is ever without a pool. It
alone polls the listeners during a replacement."""
import threading

from harness.stacks import listener, member, monitor, named, pool, stack
from harness.waiting import expect

cases = ['removal', 'port', 'pool_protocol', 'monitor_type', 'everything']
gate = {'port': ['replacement']}


def run(t, case):
    policies = [{'name': 'api', 'action': 'REDIRECT_TO_POOL', 'redirectPool': 'api',
                 'rules': [{'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': '/api'}]}]
    name = t.apply(stack('web', [listener('http', 80, defaultPool='web', l7Policies=policies), listener('tcp', 9000, 'TCP', defaultPool='api')],
                         [pool('web', healthMonitor=monitor()), pool('api', healthMonitor=monitor())]))
    t.ready_and_right(name)
    globals()[case](t, name)


def removal(t, name):
    """A listener in use, and then pools in use, are removed."""
    t.change(name, 'a listener is removed', lambda spec: spec['listeners'].pop(1), ['DELETE listeners'])
    t.change(name, 'a pool in use by a policy is removed', lambda spec: (
        named(spec['listeners'], 'http').update(l7Policies=[]), spec['pools'].pop(1)))
    t.change(name, 'the default pool is swapped', lambda spec: (
        named(spec['listeners'], 'http').update(defaultPool='new'), spec.update(pools=[pool('new', members=3)])))
    t.change(name, 'everything is removed', lambda spec: spec.update(listeners=[], pools=[]))


def port(t, name):
    """The new listener exists before the old one is deleted; policies move along."""
    with never_without_pool(t, name):
        t.change(name, 'another port', lambda spec: spec['listeners'][0].update(port=8080))


def pool_protocol(t, name):
    with never_without_pool(t, name):
        t.change(name, 'the protocol of a default pool', lambda spec: spec['pools'][0].update(protocol='PROXY'))
        t.change(name, 'the protocol of a pool of a policy and of a listener', lambda spec: spec['pools'][1].update(protocol='PROXYV2'))


def monitor_type(t, name):
    t.change(name, 'another type', lambda spec: spec['pools'][0].update(healthMonitor=monitor('TCP')), ['DELETE healthmonitors', 'POST healthmonitors'])
    t.change(name, 'none', lambda spec: spec['pools'][0].pop('healthMonitor'), ['DELETE healthmonitors'])
    t.change(name, 'one again', lambda spec: spec['pools'][0].update(healthMonitor=monitor('PING')), ['POST healthmonitors'])


def everything(t, name):
    """A completely different spec under the same name."""
    t.change(name, 'everything', lambda spec: spec.update(
        listeners=[listener('dns', 53, 'UDP', defaultPool='dns'), listener('pass', 443, 'HTTPS', defaultPool='pass')],
        pools=[pool('dns', protocol='UDP', healthMonitor=monitor('UDP-CONNECT')), pool('pass', protocol='HTTPS', healthMonitor=monitor('TLS-HELLO'))]))
    t.change(name, 'and back', lambda spec: spec.update(
        listeners=[listener('http', 80, defaultPool='web')], pools=[{**pool('web'), 'members': [member(40)]}]))


class never_without_pool:
    """Polls all the time that every listener has a default pool."""

    def __init__(self, t, name):
        self.t, self.lb_id, self.bare, self.done = t, t.lb_id(name), [], threading.Event()
        self.thread = threading.Thread(target=self.poll)

    def poll(self):
        cloud = type(self.t.cloud)()
        while not self.done.wait(0.3):
            self.bare += [li['name'] for li in cloud.all('listeners', loadbalancer_id=self.lb_id) if not li['default_pool_id']]

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *failure):
        self.done.set()
        self.thread.join()
        if not any(failure):
            expect(not self.bare, f'listeners without a pool for a while: {set(self.bare)}')
