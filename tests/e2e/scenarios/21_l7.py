"""L7 policies and rules: fields changed in place, rules and policies added, removed, reordered. It alone edits
policies and rules one by one."""
from harness.stacks import listener, named, pool, stack


def rule(value, **more):
    return {'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': value, **more}


def policy(name, *rules, **more):
    return {'name': name, 'action': 'REDIRECT_TO_POOL', 'redirectPool': 'api', 'rules': list(rules), **more}


def run(t):
    policies = [policy('api', rule('/api')), policy('admin', rule('/admin'), {'type': 'HEADER', 'compareType': 'EQUAL_TO', 'key': 'X-Admin', 'value': '1'}),
                {'name': 'old', 'action': 'REDIRECT_TO_URL', 'redirectURL': 'https://new.example/', 'rules': [rule('/old')]}]
    name = t.apply(stack('web', [listener('http', 80, defaultPool='web', l7Policies=policies)], [pool('web'), pool('api')]))
    t.ready_and_right(name)

    def on(change):
        return lambda spec: change(spec['listeners'][0]['l7Policies'])
    one = ['PUT l7policies']
    t.change(name, 'fields of a policy', on(lambda ps: ps[0].update(displayName='API', description='to the API', tags=['x'])), one)
    t.change(name, 'redirect code', on(lambda ps: named(ps, 'old').update(redirectHTTPCode=308)), one)
    t.change(name, 'admin state', on(lambda ps: ps[0].update(adminStateUp=False)), one)
    t.change(name, 'target pool', on(lambda ps: ps[0].update(redirectPool='web', adminStateUp=True)), one)
    t.change(name, 'action', on(lambda ps: ps[2].update(action='REDIRECT_PREFIX', redirectPrefix='https://new.example/p') or ps[2].pop('redirectURL')), one)
    t.change(name, 'value of a rule', on(lambda ps: ps[0].update(rules=[rule('/api/v2', invert=True, tags=['r'])])))
    t.change(name, 'rule added', on(lambda ps: ps[0]['rules'].append({'type': 'COOKIE', 'compareType': 'CONTAINS', 'key': 'who', 'value': 'me'})))
    t.change(name, 'rule removed', on(lambda ps: ps[1]['rules'].pop()))
    t.change(name, 'order', on(lambda ps: ps.reverse()))
    t.change(name, 'policy added in front', on(lambda ps: ps.insert(0, {'name': 'no', 'action': 'REJECT', 'rules': [rule('/no')]})))
    t.change(name, 'policy removed', on(lambda ps: ps.pop(1)), ['DELETE l7policies'])
    t.change(name, 'all removed', lambda spec: spec['listeners'][0].pop('l7Policies'))
