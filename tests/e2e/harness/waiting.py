"""Waits for a condition, with a message with the last value, and the time that each kind of wait took."""
import collections
import contextlib
import threading
import time
from typing import Callable, Iterator, TypeVar

T = TypeVar('T')
# The kinds of waits of a scenario. The rest of its time is its own and the processors'.
OCTAVIA, QUIET, HEARTBEAT, TRAFFIC, PAUSE, KUBECTL, JUDGE, CONTROLLER = WAITS = (
    'octavia', 'quiet', 'heartbeat', 'traffic', 'pause', 'kubectl', 'judge', 'controller')
_thread = threading.local()


class Failed(AssertionError):
    """A scenario observed something other than expected."""


def waits() -> collections.Counter:
    """Seconds of waiting by kind, in this thread."""
    if not hasattr(_thread, 'waits'):
        _thread.waits = collections.Counter()
    return _thread.waits


@contextlib.contextmanager
def waiting(kind: str) -> Iterator[None]:
    """Counts the time in the block as a wait. A wait inside another one counts for the outer one."""
    if getattr(_thread, 'inside', False):
        yield
        return
    _thread.inside, started = True, time.monotonic()
    try:
        yield
    finally:
        _thread.inside = False
        waits()[kind] += time.monotonic() - started


def eventually(what: str, read: Callable[[], T], accept: Callable[[T], bool] = bool, timeout: float = 60, every: float = 0.5,
               kind: str | Callable[[T], str] = CONTROLLER) -> T:
    """Calls `read` until `accept` takes its result, and returns that. `kind`: the kind of wait, perhaps by the last result."""
    end = time.monotonic() + timeout
    of = (lambda _: kind) if isinstance(kind, str) else kind
    value = read()
    while not accept(value):
        if time.monotonic() > end:
            raise Failed(f'after {timeout:g} s not yet: {what}; last value: {value!r}')
        with waiting(of(value)):
            time.sleep(every)
            value = read()
    return value


def steadily(what: str, read: Callable[[], object], seconds: float, every: float = 1) -> None:
    """Checks that the result of `read` stays true for this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not read():
            raise Failed(f'did not stay so: {what}')
        pause(every)


def pause(seconds: float) -> None:
    """Waits for a fixed time."""
    with waiting(PAUSE):
        time.sleep(seconds)


def expect(truth: object, what: str) -> None:
    if not truth:
        raise Failed(what)


def same(what: str, got: object, want: object) -> None:
    if got != want:
        raise Failed(f'{what}: {got!r}, should be {want!r}')
