"""Another protocol on the same port interrupts traffic: held back and explained under Forbid, carried out under
Allow. It alone shows that the rest of the plan runs while a step is held back."""
from harness.stacks import listener, monitor, pool, stack
from harness.waiting import expect, same


def run(t):
    name = t.apply(stack('web', [listener('front', 80, defaultPool='web')], [pool('web', healthMonitor=monitor())]))
    t.ready_and_right(name)
    before = t.cloud.all('listeners', loadbalancer_id=t.lb_id(name))[0]

    def to_tcp(spec):
        spec['listeners'][0].update(protocol='TCP')
        spec['pools'][0].update(protocol='TCP', healthMonitor=monitor('TCP'))
        spec['pools'][0]['members'][0]['weight'] = 5
        spec['loadBalancer']['description'] = 'the rest runs'
    t.edit(name, to_tcp)
    stack_ = t.condition(name, 'Ready', 'False', reason='DisruptionForbidden')
    t.condition(name, 'Stalled', 'True')
    expect(stack_['status'].get('plan', {}).get('steps'), 'the held-back step is not in status.plan')
    message = next(c['message'] for c in stack_['status']['conditions'] if c['type'] == 'Ready')
    expect('disruptionPolicy' in message and 'Allow' in message, f'the message does not say how to allow it: {message}')
    same('listener meanwhile', t.cloud.all('listeners', loadbalancer_id=t.lb_id(name))[0]['id'], before['id'])
    same('the rest of the plan', t.cloud.load_balancer(t.lb_id(name))['description'], 'the rest runs')
    t.change(name, 'held-back steps', lambda spec: spec.update(disruptionPolicy='Allow'))
    expect(not t.stack(name)['status'].get('plan', {}).get('steps'), 'status.plan is not empty afterwards')
