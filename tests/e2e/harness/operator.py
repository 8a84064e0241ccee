"""Actions of a cloud's operator: changes in Octavia's database, and failovers."""
import contextlib
import subprocess

from . import config
from .cloud import Cloud, checked

MARIADB = ('mariadb', '--no-defaults', '-S', str(config.HOME / 'openstack/run/mysql.sock'), '-u', 'root', '--batch', '--unbuffered', 'octavia')


def sql(statement: str) -> str:
    return subprocess.run([*MARIADB, '-e', statement], check=True, capture_output=True, text=True, timeout=60).stdout


def set_state(lb_id: str, state: str) -> None:
    """Sets a provisioning status. PENDING_UPDATE is the state after a crash of the worker; any other one unlocks the load
    balancer."""
    sql(f"update load_balancer set provisioning_status='{state}' where id='{lb_id}'")


def failover(lb_id: str) -> None:
    response = Cloud('admin').octavia.put(f'/lbaas/loadbalancers/{lb_id}/failover')
    if response.status_code != 202:
        checked(response)


@contextlib.contextmanager
def quota_row_held(project_id: str):
    """Holds the project's quota row, as a long create of another client would: all other creates queue behind it."""
    # The row exists once a quota was set.
    holder = subprocess.Popen(MARIADB, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        holder.stdin.write(f"begin; select project_id from quotas where project_id='{project_id}' for update; select 'held';\n")
        holder.stdin.flush()
        while 'held\n' != (line := holder.stdout.readline()):
            if not line:
                raise RuntimeError('the row cannot be held')
        yield
    finally:
        holder.stdin.write('commit;\n')
        holder.stdin.close()
        holder.wait(30)
