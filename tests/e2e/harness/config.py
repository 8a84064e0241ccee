"""Paths and settings, from the environment that env.sh sets."""
import os
from pathlib import Path

HOME = Path(os.environ['EVENKEEL_E2E_HOME'])
REPORT = HOME / 'report'
# The state of every scenario's stacks in the cluster, for the search of leaked secrets.
RECORDED = REPORT / 'shown'
KUBECTL = HOME / 'kube/bin/kubectl'
ADMIN_KUBECONFIG = HOME / 'kube/run/admin.kubeconfig'
CLOUDS_YAML = HOME / 'openstack/clouds.yaml'
SERVICE_LOGS = HOME / 'openstack/log'
FAULTS = HOME / 'openstack/etc/octavia/faults.json'
E2E = Path(__file__).resolve().parent.parent
ROOT = E2E.parent.parent
BINARY = Path(os.environ['EVENKEEL_BIN'])
# The same with failpoints compiled in (src/failpoint.rs).
BINARY_WITH_FAILPOINTS = HOME / 'evenkeel-failpoints'
CONTROLLER_PORT = int(os.environ['CONTROLLER_PORT'])
