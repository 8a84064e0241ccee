"""What only the operator of a cloud can do: change rows of Octavia's database, make a failover."""
import contextlib
import subprocess

from . import config
from .cloud import Cloud, checked

MARIADB = ('mariadb', '--no-defaults', '-S', str(config.HOME / 'openstack/run/mysql.sock'), '-u', 'root', '--batch', 'octavia')


def sql(statement: str) -> str:
    return subprocess.run([*MARIADB, '-e', statement], check=True, capture_output=True, text=True, timeout=60).stdout


def set_state(lb_id: str, state: str) -> None:
    """PENDING_UPDATE is what a worker leaves behind that dies at work; anything else frees it."""
    sql(f"update load_balancer set provisioning_status='{state}' where id='{lb_id}'")


def failover(lb_id: str) -> None:
    answer = Cloud('admin').octavia.put(f'/lbaas/loadbalancers/{lb_id}/failover')
    if answer.status_code != 202:
        checked(answer)


@contextlib.contextmanager
def quota_row_held(project_id: str):
    """Somebody else's long create holds the project's row: all others queue behind it."""
    # The row is there once a quota was set.
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
