"""Every state of every stack of the run, as kstatus and the health check for Argo CD judge it: healthy is a stack that is
Ready for its spec or paused, failed one that is stalled, and all others are in progress."""
import json

from harness import config, tools
from harness.kube import conditions
from harness.waiting import expect

serial = True
everywhere = True
gate = ['verdicts about every state']


def run(t):
    stacks = [json.loads(line) for path in sorted(config.RECORDED.glob('*-seen.jsonl')) for line in path.read_text().splitlines()]
    wrong = []
    for stack, got in zip(stacks, tools.verdicts(stacks)):
        verdict = got['kstatus'], got['argo']['status']
        if verdict != expected(stack):
            wrong.append(f"{stack['metadata']['namespace']}/{stack['metadata']['name']}: {verdict}, should be {expected(stack)}: {got}")
    expect(not wrong, f'{len(wrong)} of {len(stacks)} verdicts: {wrong[:3]}')
    expect(stacks, 'no stack was recorded')
    t.note = f'{len(stacks)} states'


def expected(stack):
    """The verdicts of kstatus and of Argo CD."""
    if 'deletionTimestamp' in stack['metadata']:
        return 'Terminating', 'Progressing'
    held = conditions(stack)
    if stack['status'].get('observedGeneration') != stack['metadata']['generation']:
        kstatus = 'InProgress'
    elif 'Stalled' in held:
        kstatus = 'Failed'
    elif held.get('Ready', {}).get('status') == 'True' or ('Paused' in held and 'Ready' not in held):
        kstatus = 'Current'
    else:
        kstatus = 'InProgress'
    if stack['spec'].get('paused'):
        return kstatus, 'Suspended'
    return kstatus, {'InProgress': 'Progressing', 'Failed': 'Degraded', 'Current': 'Healthy'}[kstatus]
