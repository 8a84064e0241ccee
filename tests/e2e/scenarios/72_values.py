"""Every text that reaches the data plane, with every class of characters: accepted and served as in the stack, or rejected.

It alone tries some thousand texts, each with Octavia's own validators and templates and a running haproxy, without a load
balancer (`values.py`, which runs without control planes too).
"""
import subprocess
import sys

from harness import config
from harness.waiting import expect

gate = ['values that reach haproxy']


def run(t):
    done = subprocess.run([sys.executable, str(config.E2E / 'values.py')], capture_output=True, text=True, timeout=600)
    (config.REPORT / 'values.txt').write_text(done.stdout + done.stderr)
    expect(done.stdout.strip(), f'values.py prints nothing: {done.stderr[-500:]}')
    t.note = done.stdout.strip().splitlines()[-1].removeprefix('values: ')
    wrong = [line for line in done.stdout.splitlines() if line.startswith('WRONG')]
    expect(done.returncode == 0, f'{t.note}; {wrong[:3] or done.stderr[-500:]}')
