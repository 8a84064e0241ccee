"""Octavia's OVN provider in the lab: with the lab's own sockets, and with a log of its threads.

The provider takes the default sockets, below /var/run, whatever the configuration says: two labs would share them. It carries
out the requests of one call in a thread that begins before the response and ends at any time after it. The log has a line
{"at": "begin", "n": "812-7", "t": 1790000000.1} and one {"at": "end", ...} for each: only after that is an object that is
still PENDING stuck, however slow the machine is.
"""
import itertools
import json
import os
import sys
import time

from octavia_lib.api.drivers import driver_lib


def use_sockets_of_lab() -> None:
    driver_lib.DriverLibrary.__init__.__defaults__ = tuple(f"{os.environ['OSLAB_RUN']}/{name}.sock" for name in ('status', 'stats', 'get'))


def log_threads() -> None:
    from ovn_octavia_provider.helper import OvnProviderHelper
    carry_out, count = OvnProviderHelper.request_handler, itertools.count(1)
    log = os.open(f"{os.environ['OSLAB_LOG']}/ovn-provider.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def logged(helper) -> None:
        n = f'{os.getpid()}-{next(count)}'

        def write(at: str) -> None:
            os.write(log, json.dumps({'at': at, 'n': n, 't': time.time()}).encode() + b'\n')
        write('begin')
        try:
            carry_out(helper)
        finally:
            write('end')
    OvnProviderHelper.request_handler = logged


if __name__ == '__main__':
    from octavia.cmd.driver_agent import main
    use_sockets_of_lab()
    sys.exit(main())
