"""One table of all scenarios."""
from dataclasses import asdict, dataclass
import json

from . import config


@dataclass
class Result:
    scenario: str
    passed: bool
    seconds: float
    writes: int
    calls: int | None       # known only when nothing else ran
    note: str


HEAD = f"{'scenario':<34} {'result':<7} {'seconds':>7} {'writes':>6} {'calls':>5}  note"


def row(result: Result) -> str:
    calls = '' if result.calls is None else str(result.calls)
    note = result.note.splitlines()[0][:160] if result.note else ''
    return f"{result.scenario:<34} {'ok' if result.passed else 'FAILED':<7} {result.seconds:>7.1f} {result.writes:>6} {calls:>5}  {note}"


def write(results: list[Result]) -> str:
    """Prints the table, keeps it in the report; the verdict."""
    failed = [r for r in results if not r.passed]
    verdict = f'{len(results) - len(failed)} passed, {len(failed)} failed'
    table = '\n'.join([HEAD, '-' * len(HEAD), *map(row, results)])
    details = ''.join(f'\n{r.scenario}:\n  {r.note}\n' for r in failed)
    (config.REPORT / 'results.txt').write_text(f'{table}\n{details}\n{verdict}\n')
    (config.REPORT / 'results.json').write_text(json.dumps([asdict(r) for r in results], indent=1))
    (config.REPORT / 'verdict').write_text(verdict + '\n')
    print(f'\n{table}\n{details}', flush=True)
    return verdict
