"""Octavia's driver agent with the lab's sockets. The OVN provider takes the default ones, below /var/run, whatever the
configuration says: two labs would share them."""
import os
import sys

from octavia_lib.api.drivers import driver_lib


def use_sockets_of_lab() -> None:
    driver_lib.DriverLibrary.__init__.__defaults__ = tuple(f"{os.environ['OSLAB_RUN']}/{name}.sock" for name in ('status', 'stats', 'get'))


if __name__ == '__main__':
    from octavia.cmd.driver_agent import main
    use_sockets_of_lab()
    sys.exit(main())
