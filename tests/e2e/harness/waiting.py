"""Waiting for something to become true, with a message that says what it was at last."""
import time
from typing import Callable, TypeVar

T = TypeVar('T')


class Failed(AssertionError):
    """A scenario saw something else than it should have seen."""


def eventually(what: str, look: Callable[[], T], accept: Callable[[T], bool] = bool, timeout: float = 60, every: float = 0.5) -> T:
    """Calls `look` until `accept` takes its answer, and returns that."""
    end = time.monotonic() + timeout
    while True:
        seen = look()
        if accept(seen):
            return seen
        if time.monotonic() > end:
            raise Failed(f'after {timeout:g} s not yet: {what}; last seen: {seen!r}')
        time.sleep(every)


def steadily(what: str, look: Callable[[], object], seconds: float, every: float = 1) -> None:
    """`look` must stay true for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not look():
            raise Failed(f'did not stay so: {what}')
        time.sleep(every)


def expect(truth: object, what: str) -> None:
    if not truth:
        raise Failed(what)


def same(what: str, got: object, want: object) -> None:
    if got != want:
        raise Failed(f'{what}: {got!r}, should be {want!r}')
