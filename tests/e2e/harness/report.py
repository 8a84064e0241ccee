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
    leaks: int | None       # what was left in the cloud; unknown when the scenario did not come so far
    broken: str             # what was done, in the words of the scenario
    seen: str


# What is printed behind the table, when everything is over: tables of scenarios' own.
appendix: list[str] = []

HEAD = (f"{'scenario':<34} {'result':<7} {'seconds':>7} {'writes':>6} {'leaks':>5} {'calls':>5}  "
        f"{'what was broken or changed':<80}  what was seen")


def row(result: Result) -> str:
    def known(number: int | None) -> str:
        return '' if number is None else str(number)
    seen = _shortened(result.seen.splitlines()[0], 160) if result.seen else ''
    return (f"{result.scenario:<34} {'ok' if result.passed else 'FAILED':<7} {result.seconds:>7.1f} {result.writes:>6} "
            f'{known(result.leaks):>5} {known(result.calls):>5}  {_shortened(result.broken, 80):<80}  {seen}')


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width - 1] + '…'


def write(results: list[Result]) -> str:
    """Prints the table, keeps it in the report; the verdict."""
    failed = [r for r in results if not r.passed]
    verdict = f'{len(results) - len(failed)} passed, {len(failed)} failed'
    table = '\n'.join([HEAD, '-' * len(HEAD), *map(row, results)])
    details = ''.join(f'\n{r.scenario}:\n  {r.seen}\n' for r in failed)
    (config.REPORT / 'results.txt').write_text(f'{table}\n{details}\n{verdict}\n')
    (config.REPORT / 'results.json').write_text(json.dumps([asdict(r) for r in results], indent=1))
    (config.REPORT / 'verdict').write_text(verdict + '\n')
    print(f'\n{table}\n{details}', flush=True)
    return verdict
