"""Versions, ciphers and ALPN of listeners and pools, cell by cell, on create and on update: Evenkeel rejects exactly the
settings that crash Octavia's worker, that haproxy rejects, or that have no effect. It alone tries more than a few
combinations."""
import itertools
import json
import random
import tempfile
from collections import Counter
from pathlib import Path

from harness import haproxy_config, planned, tls_settings
from harness.tls_settings import CERTIFICATE
from harness.waiting import expect

cases = ['create', 'lists', 'update', 'handshakes']
VERSIONS = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']
SUBSETS = [None, VERSIONS, *(list(some) for size in (1, 2) for some in itertools.combinations(VERSIONS, size))]
ALPN = [None, ['h2'], ['http/1.0'], ['http/1.1', 'h2'], ['h2', 'http/1.1', 'http/1.0']]
CIPHERS = [
    None, 'ECDHE-RSA-AES128-GCM-SHA256', 'AES128-SHA', 'TLS_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384', 'HIGH:!aNULL:!MD5', 'DEFAULT', 'DEFAULT:!aNULL', 'DEFAULT@SECLEVEL=1',
    'ECDHE+AESGCM:DHE+AESGCM', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA256',
    'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:AES256-SHA', 'RC4-SHA', 'DES-CBC3-SHA:EXP-RC4-MD5', 'PSK:SRP', 'eNULL', 'aNULL',
    'DHE-RSA-AES128-GCM-SHA256', 'HIGH:!HIGH', 'ALL:-AES', 'ALL:-RC4', 'HIGH:@SECLEVEL=9', 'SUITEB128', 'high', 'HIGH:!']
LISTENERS = ['TERMINATED_HTTPS', 'PROMETHEUS']
POOLS = ['HTTP', 'PROXY', 'PROXYV2', 'TCP', 'HTTPS']


def run(t, case):
    t.note = globals()[case]()


def create():
    """Combinations of all TLS fields in a new load balancer."""
    cells = []
    for index, (versions, ciphers) in enumerate(itertools.product(SUBSETS, CIPHERS)):
        settings = _settings(versions, ciphers, ALPN[index % len(ALPN)])
        cells += [_listener(protocol, settings) for protocol in LISTENERS]
        cells.append(_pool(POOLS[index % len(POOLS)], settings))
    return _compared(cells)


def lists():
    """Random lists of ciphers, compared with OpenSSL's own interpretation."""
    dice = random.Random(73)
    words = ['ALL', 'HIGH', 'DEFAULT', 'COMPLEMENTOFDEFAULT', 'FIPS', 'kRSA', 'RSA', 'DHE', 'kEDH', 'ECDHE', 'EECDH', 'aRSA', 'aECDSA',
             'ECDSA', 'aDSS', 'AES', 'AES128', 'AES256', 'AESGCM', 'AESCCM', 'AESCCM8', 'CHACHA20', 'CAMELLIA', 'CAMELLIA256', 'ARIA',
             'ARIAGCM', 'SHA', 'SHA1', 'SHA256', 'SHA384', 'TLSv1', 'TLSv1.2', 'SSLv3', 'aNULL', 'eNULL', 'PSK', 'SRP', 'RC4', '3DES', 'LOW',
             'EXPORT', 'NONSENSE', 'ECDHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-CHACHA20-POLY1305', 'AES256-CCM8', 'ECDHE-ARIA128-GCM-SHA256',
             'RC4-MD5', 'TLS_RSA_WITH_AES_128_CBC_SHA256', 'TLS_AES_128_GCM_SHA256', 'HIGH@STRENGTH', 'AES@SECLEVEL=1']
    operators = ['', '', '', '', '!', '!', '-', '+']

    def entry():
        pair = '+'.join(dice.sample(words[3:41], 2))
        return dice.choice(operators) + (pair if dice.random() < 0.3 else dice.choice(words))
    drawn = {':'.join(entry() for _ in range(dice.randint(1, 4))) for _ in range(450)}
    return _compared([_listener('TERMINATED_HTTPS', _settings(None, ciphers, None)) for ciphers in sorted(drawn)])


def update():
    """Every setting changed into every other, write by write."""
    settings = [_settings(versions, ciphers, alpn) for versions, ciphers, alpn in itertools.product(
        [None, ['TLSv1.2'], ['TLSv1.3'], ['TLSv1.2', 'TLSv1.3']], [None, 'HIGH:!aNULL', 'TLS_AES_256_GCM_SHA384:AES256-SHA'],
        [None, ['http/1.1']])]
    counts = Counter()
    for kind, protocol in (('listeners', 'TERMINATED_HTTPS'), ('listeners', 'PROMETHEUS'), ('pools', 'HTTP')):
        one = _listener if kind == 'listeners' else _pool
        forms = [one(protocol, each) for each in settings] + ([] if protocol == 'TERMINATED_HTTPS' else [one(protocol, None)])
        counts.update(_changed(kind, forms))
    return f"{counts['pairs']} changes, {counts['writes']} writes, {counts['healed']} healed"


def handshakes():
    """A client of each version, on listeners with some of the versions."""
    offers = [(['TLSv1.2'], 'ECDHE-RSA-AES128-GCM-SHA256'), (['TLSv1.3'], 'TLS_CHACHA20_POLY1305_SHA256'), (['TLSv1.1', 'TLSv1.2'], None),
              (['TLSv1.2', 'TLSv1.3'], 'TLS_AES_128_GCM_SHA256:AES256-GCM-SHA384'), (None, 'DHE+AESGCM:AES256-SHA:@SECLEVEL=2'), (['TLSv1.3'], None)]
    specs = [_listener(protocol, _settings(*offer, None)) for offer in offers for protocol in LISTENERS]
    bodies = [result['create'] for result in planned.creates(specs)]
    handshakes_done = 0
    with tempfile.TemporaryDirectory() as directory:
        together = _together([_stored(body) for body in bodies], 20_443)
        rendered = haproxy_config.render(together, tls_settings.Files.create(Path(directory), len(bodies)))
        with haproxy_config.running(rendered):
            for listener, (versions, ciphers) in zip(together['listeners'], (offer for offer in offers for _ in LISTENERS)):
                for version in ('TLSv1.1', 'TLSv1.2', 'TLSv1.3'):
                    got = tls_settings.negotiated(listener['protocol_port'], version)
                    # haproxy offers nothing older than TLS 1.2, for any other list.
                    offered = version in (versions or ['TLSv1.2', 'TLSv1.3']) and version != 'TLSv1.1'
                    cell = f"{listener['protocol']} {versions} {ciphers} and a client of {version}: {got!r}"
                    expect(bool(got) == offered, cell)
                    if got and ciphers:
                        suites = [one for one in ciphers.split(':') if one.startswith('TLS_')]
                        named = suites if version == 'TLSv1.3' else [name for name, *_ in tls_settings.openssl(ciphers)]
                        expect(not named or got in named, cell)
                    handshakes_done += 1
    return f'{handshakes_done} handshakes'


def _settings(versions, ciphers, alpn):
    given = {'versions': versions, 'ciphers': ciphers, 'alpnProtocols': alpn}
    return {name: value for name, value in given.items() if value is not None}


def _spec(**parts):
    return {'cloudCredentialsRef': {'secretName': 'openstack', 'cloudName': 'openstack'},
            'loadBalancer': {'vip': {'subnet': {'name': 'front'}}}, **parts}


def _listener(protocol, settings):
    tls = {} if settings is None else {'tls': {'certificate': {'barbicanRef': CERTIFICATE}, **settings}}
    return _spec(listeners=[{'name': 'x', 'protocol': protocol, 'port': 443, **tls}])


def _pool(protocol, settings):
    tls = {} if settings is None else {'tls': settings}
    member = {'address': '10.0.0.9', 'port': 80}
    monitor = {'type': 'TCP', 'delay': '5s', 'timeout': '5s', 'maxRetries': 3}
    pool = {'name': 'x', 'protocol': protocol, 'algorithm': 'ROUND_ROBIN', 'members': [member], 'healthMonitor': monitor, **tls}
    listener = {'name': 'l', 'protocol': 'TCP' if protocol in ('TCP', 'HTTPS') else 'HTTP', 'port': 80, 'defaultPool': 'x'}
    return _spec(listeners=[listener], pools=[pool])


def _wanted(spec):
    """Kind, settings, and the keyword of haproxy's line."""
    if 'pools' in spec:
        return 'pools', spec['pools'][0].get('tls') or {}, 'server'
    return 'listeners', spec['listeners'][0].get('tls') or {}, 'bind'


def _stored(body):
    """The body with the listeners and pools as Octavia stores them."""
    return {**body, 'listeners': [tls_settings.created(one) for one in body['listeners']],
            'pools': [tls_settings.created(one) for one in body.get('pools') or []]}


def _compared(specs):
    """Compares Evenkeel's results with Octavia, OpenSSL and haproxy. Specs that Evenkeel rejects are tried as well."""
    results = planned.creates(specs)
    # For a rejected spec: the body of the same stack without settings, with the settings added.
    plain = {json.dumps(spec): result['create'] for spec, result in zip(*_without_settings(specs))}
    bodies = [result['create'] or _with_settings(plain[json.dumps(_bare(spec))], spec) for spec, result in zip(specs, results)]
    reasons = _judged(specs, bodies)
    counts, wrong = Counter(), []
    for spec, result, reason in zip(specs, results, reasons):
        refused = planned.reason(result)
        counts[reason or 'works'] += 1
        kind, settings, _ = _wanted(spec)
        if bool(refused) != bool(reason):
            wrong.append(f"{spec[kind][0]['protocol']} {kind} {settings}: {refused or 'accepted'}; {reason or 'it works'}")
        if result['schema'] and not refused:
            wrong.append(f"{spec[kind][0]['protocol']} {kind} {settings}: only the schema refuses it: {result['schema']}")
        expect(all('.tls.' in problem['field'] for problem in result['problems']), refused)
        counts['refused by the schema'] += bool(result['schema'])
    expect(not wrong, f'{len(wrong)} of {len(specs)} cells, for example\n' + '\n'.join(wrong[:12]))
    return f'{len(specs)} cells: ' + ', '.join(f'{count} {reason}' for reason, count in counts.most_common())


def _bare(spec):
    kind, _, _ = _wanted(spec)
    return (_pool if kind == 'pools' else _listener)(spec[kind][0]['protocol'], {})


def _without_settings(specs):
    bare = list({json.dumps(_bare(spec)): _bare(spec) for spec in specs}.values())
    return bare, planned.creates(bare)


def _with_settings(body, spec):
    kind, settings, _ = _wanted(spec)
    names = {'versions': 'tls_versions', 'ciphers': 'tls_ciphers', 'alpnProtocols': 'alpn_protocols'}
    given = {names[name]: value for name, value in settings.items() if name in names}
    return {**body, kind: [{**body[kind][0], **given}]}


def _judged(specs, bodies):
    """The reason why the data plane does not do what each stack says; empty where it does."""
    reasons, rendered, kept = [''] * len(bodies), {}, []
    for index, (spec, body) in enumerate(zip(specs, bodies)):
        _, settings, keyword = _wanted(spec)
        stored = _stored(body)
        try:
            config = haproxy_config.render(stored)
        except KeyError:
            reasons[index] = "crashes Octavia's worker"
            continue
        line = tls_settings.Line(config, keyword)
        expect(line.encrypts, f'not encrypted: {settings}')
        rendered[index] = settings, line
        kept.append((index, stored))
    alone = [one for one in kept if _has_a_gap(rendered[one[0]][0])]
    together = [one for one in kept if not _has_a_gap(rendered[one[0]][0])]
    for index in [*_refused(together), *_refused_alone(alone, rendered)]:
        reasons[index] = 'refused by haproxy'
    for index, (settings, line) in rendered.items():
        if not reasons[index] and 'pools' in specs[index] and _has_a_gap(settings, 'SSLv3'):
            reasons[index] = 'speaks a version that is left out'
        if not reasons[index] and 'ciphers' in settings:
            reasons[index] = tls_settings.disobeyed(settings['ciphers'], settings.get('versions'), line)
    return reasons


def _together(bodies, first_port):
    """One body of all of them, each on a port of its own."""
    listeners, pools = [], []
    for index, body in enumerate(bodies):
        listener = {**body['listeners'][0], 'protocol_port': first_port + index, 'connection_limit': 10}
        if body.get('pools'):
            pools.append({**body['pools'][0], 'name': f'pool-{index}'})
            listener['default_pool'] = {'name': f'pool-{index}'}
        listeners.append(listener)
    return {**bodies[0], 'listeners': listeners, 'pools': pools}


def _refused(kept, at_once=400):
    """haproxy's error by index, for the bodies that it rejects. One configuration holds many bodies."""
    refused = {}
    with tempfile.TemporaryDirectory() as directory:
        files = tls_settings.Files.create(Path(directory), at_once)
        for begin in range(0, len(kept), at_once):
            some = kept[begin:begin + at_once]
            together = haproxy_config.render(_together([body for _, body in some], 2_000), files)
            errors = haproxy_config.rejected_listeners(together, [index for index, _ in some])
            refused.update(errors)
    return refused


def _has_a_gap(settings, without=None):
    """True when the versions are not contiguous. haproxy only warns then, and does not name the line of an error."""
    places = sorted(VERSIONS.index(version) for version in settings.get('versions', VERSIONS) if version != without)
    return places != list(range(places[0], places[0] + len(places))) if places else False


def _refused_alone(kept, rendered):
    known, refused = {}, []
    with tempfile.TemporaryDirectory() as directory:
        files = tls_settings.Files.create(Path(directory), 1)
        for index, stored in kept:
            settings, line = rendered[index]
            key = line.keyword, line.ciphers, line.suites, str(settings.get('versions'))
            if key not in known:
                known[key] = bool(haproxy_config.check(haproxy_config.render(stored, files)))
            refused += [index] if known[key] else []
    return refused


def _changed(kind, forms):
    """Stores each form, changes it into each of the others, and heals it where it has no ciphers."""
    counts = Counter()
    accepted = [(spec, result['create']) for spec, result in zip(forms, planned.creates(forms)) if result['create']]
    forms, stored = [spec for spec, _ in accepted], [_stored(body) for _, body in accepted]
    turns = [{'spec': want, 'lb': _load_balancer(was), kind: was[kind][0], 'was': was} for was in stored for want in forms]
    for turn in list(turns):
        # As another client or an earlier version may have left it: TLS on, versions, and no ciphers, which cannot be rendered.
        if turn[kind].get('tls_versions') and turn[kind]['tls_versions'] != VERSIONS[-2:]:
            broken = {**turn[kind], 'tls_ciphers': None, 'provisioning_status': 'ERROR'}
            if kind == 'listeners' or broken['tls_enabled']:
                turns.append({**turn, kind: broken})
    counts['pairs'] = len(turns)
    rendered = {}
    for _ in range(4):
        results = planned.updates([{'spec': turn['spec'], 'stored': _observed(turn, kind)} for turn in turns])
        # The stored objects include no members and monitors.
        writes = [[write['call']['update'] for write in result['writes'] if write['kind'] + 's' == kind] for result in results]
        turns = [_written(turn, kind, calls[0], counts) for turn, calls in zip(turns, writes) if calls]
        rendered.update({_form(turn[kind]): {**turn['was'], kind: [turn[kind]]} for turn in turns})
        if not turns:
            refused = _refused(list(rendered.items()))
            expect(not refused, f'haproxy refuses {refused}')
            return counts
    raise AssertionError(f"no end: {turns[0]['spec'][kind]} of {turns[0][kind]}")


def _load_balancer(body):
    return {'id': 'lb', 'admin_state_up': True, 'provisioning_status': 'ACTIVE', 'vip_subnet_id': body['vip_subnet_id'],
            'name': body['name'], 'tags': body['tags']}


def _observed(turn, kind):
    def shown(one, identity):
        return {'admin_state_up': True, 'provisioning_status': 'ACTIVE', **one, 'id': identity}
    listener = turn['was']['listeners'][0] if kind == 'pools' else turn['listeners']
    listener = {**shown(listener, 'l'), 'default_pool_id': 'p' if kind == 'pools' else None}
    pools = [shown(turn['pools'], 'p')] if kind == 'pools' else []
    return {'load_balancer': turn['lb'], 'listeners': [listener], 'pools': pools}


def _form(stored):
    """The settings, as a key."""
    return json.dumps([stored.get(field) for field in ('default_tls_container_ref', 'tls_enabled', *tls_settings.FIELDS)])


def _written(turn, kind, call, counts):
    """The object after a write, which Octavia must be able to render."""
    after = tls_settings.updated(turn[kind], call['body'])
    counts['writes'] += 1
    counts['healed'] += after.pop('provisioning_status', '') == 'ERROR'
    try:
        haproxy_config.render({**turn['was'], kind: [after]})
    except KeyError as crash:
        raise AssertionError(f"{call['body']} crashes Octavia's worker ({crash}): {turn[kind]}") from None
    return {**turn, kind: after}
