"""Octavia's worker fails on purpose (lab/openstack/labdrivers): for load balancers of some names, as long as asked for."""
import contextlib
import json
import re
import threading

from . import config

_lock = threading.Lock()
_names: set[str] = set()
_slow: dict[str, float] = {}


@contextlib.contextmanager
def failing(name: str):
    """Every update of the load balancer of this name fails in the data plane; scenarios do not disturb each other."""
    _change(lambda: _names.add(name))
    try:
        yield
    finally:
        _change(lambda: _names.discard(name))


@contextlib.contextmanager
def slow(name: str, seconds: float):
    """Every step of the worker for the load balancer of this name takes so much longer."""
    _change(lambda: _slow.update({name: seconds}))
    try:
        yield
    finally:
        _change(lambda: _slow.pop(name, None))


def _change(change) -> None:
    with _lock:
        change()
        pattern = '|'.join(f'^{re.escape(name)}$' for name in sorted(_names))
        new = config.FAULTS.with_suffix('.new')
        new.write_text(json.dumps({'slow_lb_names': _slow, **({'fail_lb_names': pattern} if pattern else {})}))
        new.replace(config.FAULTS)      # read on every call: never half of it
