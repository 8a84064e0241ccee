"""The data plane's network namespace in Python: a socket created `with inside():` stays in it, in every thread that uses it later."""
import contextlib
import ctypes
import os

NETNS = os.environ.get('DP_NETNS', 'evenkeel-dp')
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(name=NETNS):
    """Moves only the current thread into the namespace."""
    with open('/proc/thread-self/ns/net') as back, open(f'/run/netns/{name}') as there:
        if _libc.setns(there.fileno(), 0x40000000):     # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), 'setns')
        try:
            yield
        finally:
            _libc.setns(back.fileno(), 0x40000000)
