"""Random stacks and random edits: every field is as it should be, and a plan against its own result is empty. E2E_SEED
chooses others."""
import os
import time

from harness.random_stacks import Generator
from harness.waiting import same

SEED = int(os.environ.get('E2E_SEED', '1'))
EDITS = 2
cases = [str(SEED + n) for n in range(6)]


def run(t, case):
    generator = Generator(int(case))
    name = t.apply(generator.stack('random'))
    settled(t, name)
    for _ in range(EDITS):
        t.edit(name, generator.edit)
        settled(t, name)
    t.note = f'seed {case}'


def settled(t, name):
    """Ready and right, and the next look finds nothing to do."""
    t.ready_and_right(name)
    since = time.time()
    time.sleep(13)
    same('writes of a resync with nothing to do', t.writes_since(since), [])
