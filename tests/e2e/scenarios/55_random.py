"""Ten random stacks with three random edits each: every field is right, and a plan against the result is empty. It
alone combines fields and edits at random. Their members and certificates come from Services, Nodes, Secrets and ConfigMaps,
too. E2E_SEED selects others, E2E_STACKS their number: `E2E_SEED=17
E2E_STACKS=1` repeats one."""
import copy
import os
import time

from harness.random_objects import objects, with_own_nodes
from harness.random_stacks import Generator
from harness.waiting import Failed, expect, pause, same
from harness.width import unused

SEED = int(os.environ.get('E2E_SEED', '1'))
STACKS = int(os.environ.get('E2E_STACKS', '10'))
EDITS, TOGETHER = 3, 5
# The first thirty seeds together use everything that the resource offers (E2E_SEED=11 and 21 play the others).
WIDE = range(1, 31)
cases = [f'{first}-{min(first + TOGETHER, SEED + STACKS) - 1}' for first in range(SEED, SEED + STACKS, TOGETHER)] + ['width']


def run(t, case):
    if case == 'width':
        return width(t)
    with objects(t):
        lives(t, case)


def lives(t, case):
    first, last = map(int, case.split('-'))
    # One after the other: an edit may be twenty writes, and several stacks at once mostly wait for Octavia.
    for seed in range(first, last + 1):
        for edits, stack in enumerate(life(seed)):
            t.apply(with_own_nodes(t.with_certificates(stack), t.namespace))
            settled(t, seed, edits)
    since = time.time()
    pause(13)
    same(f'writes of a resync with nothing to do (seeds {case})', t.writes_since(since), [])
    t.note = f'seeds {case}, {EDITS} edits each'


def life(seed: int) -> list[dict]:
    """A stack and its edits, one after the other; with a resync every ten seconds."""
    generator = Generator(seed)
    stacks = [generator.stack(f'random-{seed}')]
    for _ in range(EDITS):
        edited = copy.deepcopy(stacks[-1])
        generator.edit(edited['spec'])
        stacks.append(edited)
    stacks[-1]['spec']['resyncPeriod'] = '10s'
    return stacks


def settled(t, seed: int, edits: int) -> None:
    try:
        t.ready_and_right(f'random-{seed}')
    except Failed as failure:
        raise Failed(f'seed {seed} after {edits} edits (E2E_SEED={seed} E2E_STACKS=1 repeats it): {failure}') from None


def width(t):
    """Thirty seeds together use every field and every enumeration value"""
    missing = unused([stack['spec'] for seed in WIDE for stack in life(seed)])
    expect(not missing, f'seeds {WIDE.start} to {WIDE.stop - 1} never use {", ".join(missing)}')
