"""The API server rejects every object of tests/rules/rejected, with a helpful message, and accepts every object of
tests/rules/accepted. It alone tries the rules on a genuine API server; `cargo test` evaluates them by a library."""
import re

import yaml

from harness import config
from harness.kube import Rejected
from harness.waiting import Failed, expect

RULES = config.ROOT / 'tests/rules'
cases = ['accepted', 'rejected', 'rejected_changes']
gate = ['rules of the API server']


def run(t, case):
    globals()[case](t)


def read(kind):
    """Examples by name: (expected words, documents)"""
    found = {}
    for path in sorted((RULES / kind).glob('*.yaml')):
        text = path.read_text()
        words = re.match(r'# expect: (.*)', text)
        found[path.stem] = (words.group(1) if words else '', [d for d in yaml.safe_load_all(text) if d])
    expect(found, f'{RULES / kind} is empty')
    return found


def accepted(t):
    for name, (_, documents) in read('accepted').items():
        for document in documents:
            try:
                dry_run(t, document)
            except Rejected as rejection:
                raise Failed(f'{name}: {rejection}') from None
    t.note = f"{len(read('accepted'))} objects"


def rejected(t):
    single = {n: (words, documents[0]) for n, (words, documents) in read('rejected').items() if len(documents) == 1}
    for name, (words, document) in single.items():
        must_refuse(name, words, lambda: dry_run(t, document))
    t.note = f'{len(single)} objects'


def rejected_changes(t):
    """Updates: the first document is stored (with the status that the controller wrote), the second is rejected."""
    pairs = {n: (words, documents) for n, (words, documents) in read('rejected').items() if len(documents) == 2}
    for name, (words, (old, new)) in pairs.items():
        status = old.pop('status', None)
        for document in (old, new):
            document['spec']['paused'] = True       # the controller keeps out of it
        t.apply(old)
        if status:
            t.kube.kubectl('patch', 'loadbalancerstack', old['metadata']['name'], '-n', t.namespace, '--subresource=status', '--type=merge',
                           '-p', yaml.safe_dump({'status': status}))
        must_refuse(name, words, lambda: t.apply(new))
    t.note = f'{len(pairs)} changes'


def dry_run(t, document):
    return t.kube.dry_run(document, t.namespace)


def must_refuse(name, words, do):
    try:
        do()
    except Rejected as rejection:
        expect(words in str(rejection), f'{name}: rejected, but not with {words!r}: {rejection}')
    else:
        raise Failed(f'{name}: accepted; it should have been rejected with {words!r}')
