"""Renders docs/operations/performance.md from the measurements of bench.py."""
import os
import statistics

GOAL = 1.15
PAGE = 500      # the controller's page size of a list request
HEAD = """# Performance

Written by `make bench`; not by hand. The services count calls, not the controller. The reference stack is 1 load balancer with 3
listeners, 3 pools, 9 members and 3 health monitors. Seconds and bytes are those of the last machine ({cores} cores) and only an
example; ratios and counts should be the same elsewhere.
"""


def page(script: list, stack: list, costs: dict, rest: list[dict], endpoint_memory: dict, churn: dict) -> str:
    parts = [_time(script, stack), _calls(costs), _rest(rest), _endpoints(rest, endpoint_memory), _churn(churn)]
    return '\n'.join([HEAD.format(cores=os.cpu_count()), *parts])


def _time(script: list, stack: list) -> str:
    def line(what: str, creates: list) -> list:
        seconds = [m.seconds for m in creates]
        middle = [statistics.median(getattr(m, part) for m in creates) for part in ('writes', 'octavia', 'others')]
        return [what, f'{statistics.median(seconds):.2f}', f'{min(seconds):.2f} to {max(seconds):.2f}', *(f'{n:g}' for n in middle)]
    return f"""## Time from the request to Ready

{len(script)} turns on one genuine Octavia, each with a bare script and then with a stack. The script has logged in and
knows the ids: it sends one POST and polls each second until the load balancer is ACTIVE. The stack's time runs from the request to
the API server until its condition Ready appears there.

{_table(['made by', 'seconds (median)', 'from to', 'writes', 'calls of Octavia', 'calls of other services'],
        [line('the script', script), line('a stack', stack)])}

**Ratio of the medians: {ratio(script, stack):.2f}** (goal: at most {GOAL}).
"""


def ratio(script: list, stack: list) -> float:
    return statistics.median(m.seconds for m in stack) / statistics.median(m.seconds for m in script)


def _calls(costs: dict) -> str:
    lines = [[what, len(c.writes), len(c.calls) - len(c.writes), len(c.polls), c.total - len(c.octavia)] for what, c in costs.items()]
    return f"""## Calls for one stack

{_table(['', 'writes', 'reads', 'polls', 'calls of other services'], lines)}

Polls are reads of a locked load balancer: their number follows the time that Octavia takes.
"""


def _rest(rest: list[dict]) -> str:
    kinds = sorted({kind for r in rest for kind in r['calls']})
    none = rest[0]['rss_kib']

    def for_each(r: dict, amount: float) -> str:
        return f"{amount / r['stacks']:.1f}" if r['stacks'] else ''
    lines = [[r['stacks'], f"{r['rss_kib'] / 1024:.1f}", for_each(r, r['rss_kib'] - none), for_each(r, sum(r['calls_until_ready'].values())),
              f"{sum(r['calls'].values()):g}", *(f"{r['calls'].get(kind, 0):g}" for kind in kinds)] for r in rest]
    return f"""## At rest

The release binary runs against the simulators, with this number of reference stacks in one project. One controller created them all,
applied at once; then another one was started, with nothing to do, and measured after its first resync. A resync
period is {rest[0]['period_seconds']} s here, to shorten the measurement (the default is 10 minutes). No write happens.

{_table(['stacks', 'memory (MiB)', 'KiB for each stack', 'calls to make one', 'calls in a period', *kinds], lines)}

Stacks share lists, which are used until they are 20 s old, or four times as old as their read took; a list takes one call
for each {PAGE} objects. Members are read again only if a load balancer's `updated_at` or the operating status of a pool has changed,
or if that status is neither ONLINE nor OFFLINE nor NO_MONITOR. VIP ports with a floating IP are not read; the reference stack has none.
"""


def _endpoints(rest: list[dict], memory: dict) -> str:
    lines = [[r['stacks'], f"{r['endpoints']['median_ms']:.0f}", f"{r['endpoints']['worst_ms']:.0f}"] for r in rest]
    return f"""## Members from Services

The same controllers, with one more stack whose pool takes its members from a Service (`memberWindow: 0s`). The time runs from the request
that changes its EndpointSlice to the write of the members, {rest[0]['endpoints']['changes']} times.

{_table(['stacks at rest', 'milliseconds (median)', 'worst'], lines)}

Endpoints in the cache take {memory['kib_per_1000_endpoints']} KiB for each 1,000: a controller with one stack grows by that when it sees
{memory['endpoints']:,} endpoints more, in EndpointSlices of 100 that no stack uses.
"""


def _churn(churn: dict) -> str:
    columns = {
        'endpoints': 'endpoints', 'seconds': 'seconds', 'changes_of_slices': 'changes of EndpointSlices', 'writes': 'writes of members',
        'calls': 'calls of the cloud', 'kubernetes_calls': 'calls of Kubernetes', 'cpu_seconds': 'processor seconds',
        'fewest_members': 'fewest members'}
    return f"""## Endpoints that flap

Three of ten endpoints of a Service are not ready, and others each time that their EndpointSlice changes: one does every 100 ms, in turn.
`memberWindow` is 2 s, the default. The measurement fails if the pool is ever empty.

{_table(list(columns.values()), [[f'{churn[key]:.0f}' for key in columns]])}
"""


def _table(head: list[str], lines: list[list]) -> str:
    rows = [head, ['---'] * len(head), *lines]
    return '\n'.join('| ' + ' | '.join(map(str, row)) + ' |' for row in rows)
