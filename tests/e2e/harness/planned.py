"""Evenkeel's own results for a stack, without a cluster and without a cloud.

The binary of simulators/src/bin/planned.rs gives them; its documentation has the protocol.
"""
import functools
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 2


@functools.cache
def binary() -> str:
    """Builds the binary and returns its path."""
    subprocess.run(['cargo', 'build', '--locked', '--quiet', '-p', 'evenkeel-simulators', '--bin', 'planned'], cwd=ROOT, check=True)
    return str(Path(os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')) / 'debug/planned')


def creates(specs: list[dict], path: str = '') -> list[dict]:
    """For each spec: `schema`, `problems`, and `create`, the body of the create (None with problems)."""
    return _run([{'spec': spec} for spec in specs], path)


def updates(requests: list[dict]) -> list[dict]:
    """For each request, a `spec` and the `stored` objects: `problems`, and `writes` (None with problems)."""
    return _run(requests, '')


def reason(result: dict) -> str:
    """The problems as one text; empty without problems."""
    return '; '.join(f"{problem['field']}: {problem['message']}" for problem in result['problems'])


def _run(requests: list[dict], path: str) -> list[dict]:
    path = path or binary()

    def part(some: list[dict]) -> list[dict]:
        text = ''.join(json.dumps(request) + '\n' for request in some)
        done = subprocess.run([path], input=text, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(done.stderr[-2000:])
        return [json.loads(line) for line in done.stdout.splitlines()]

    size = -(-len(requests) // PROCESSES) or 1
    with ThreadPoolExecutor(PROCESSES) as pool:
        parts = pool.map(part, [requests[at:at + size] for at in range(0, len(requests), size)])
    return [result for results in parts for result in results]
