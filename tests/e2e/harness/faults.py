"""Octavia's worker fails on purpose (lab/openstack/labdrivers): for load balancers of some names, as long as asked for."""
import contextlib
import json
import re
import threading

from . import config

_lock = threading.Lock()
_names: set[str] = set()


@contextlib.contextmanager
def failing(name: str):
    """Every update of the load balancer of this name fails in the data plane; scenarios do not disturb each other."""
    _change(lambda: _names.add(name))
    try:
        yield
    finally:
        _change(lambda: _names.discard(name))


def _change(change) -> None:
    with _lock:
        change()
        pattern = '|'.join(f'^{re.escape(name)}$' for name in sorted(_names))
        config.FAULTS.write_text(json.dumps({'delay_seconds': 0, **({'fail_lb_names': pattern} if pattern else {})}))
