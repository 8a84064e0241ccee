"""Injected failures of Octavia's worker (lab/openstack/labdrivers), for load balancers of given names."""
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
    """Makes every update of the load balancer of this name fail in the data plane. Other scenarios are not affected."""
    _change(lambda: _names.add(name))
    try:
        yield
    finally:
        _change(lambda: _names.discard(name))


@contextlib.contextmanager
def slow(name: str, seconds: float):
    """Delays every step of the worker for the load balancer of this name."""
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
        new.replace(config.FAULTS)      # the lab reads it at any time, so it must never be half written
