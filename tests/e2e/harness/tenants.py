"""Two namespaces that share the credentials of one ClusterOpenStackCloud. The first is that of the scenario."""
import json

from .credentials import credentials
from .kube import Rejected, conditions
from .scenario import READY, Scenario
from .stacks import web
from .waiting import eventually, expect

SECRETS = 'evenkeel-system'     # namespace of the shared Secret
CLOUDS = '/apis/evenkeel.dev/v1alpha1/clusteropenstackclouds/'
VICTIM = 'ledger'               # name of the stack in the second namespace


class Tenants:
    """The namespaces, their cloud, and its Secret."""

    def __init__(self, t: Scenario):
        self.t, self.name, self.other, self.secret = t, f'{t.namespace}-cloud', f'{t.namespace}-b', f'{t.namespace}-login'

    # -- the administrator of the cluster
    def begin(self) -> None:
        namespace = {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': self.other}}
        self.t.kube.apply(namespace, credentials(self.secret), namespace=SECRETS)
        self.cloud({})

    def cloud(self, fields: dict) -> None:
        """Applies the cloud with these fields."""
        spec = {'secretRef': {'name': self.secret}, 'cloudName': 'openstack', **fields}
        cloud = {'apiVersion': 'evenkeel.dev/v1alpha1', 'kind': 'ClusterOpenStackCloud', 'metadata': {'name': self.name},
                 'spec': spec}
        self.t.kube.apply(cloud, namespace=SECRETS)

    def grant(self, *namespaces: str, **allow) -> None:
        """Grants the cloud to these namespaces alone."""
        allowed = {'from': 'Selected', 'names': list(namespaces)} if namespaces else {'from': 'None'}
        self.cloud({'allowedNamespaces': allowed, 'allow': allow})

    def seen(self) -> dict | None:
        return self.t.kube.read(CLOUDS + self.name)

    def end(self) -> None:
        """Deletes everything but the first namespace, and checks that the second one has left nothing."""
        for namespace in (self.t.namespace, self.other):
            self.t.kube.kubectl('delete', 'loadbalancerstacks', '--all', '-n', namespace, '--timeout', '300s')
        self.t.kube.kubectl('delete', 'clusteropenstackcloud', self.name, '--timeout', '60s', '--ignore-not-found')
        self.t.kube.kubectl('delete', 'secret', self.secret, '-n', SECRETS, '--timeout', '60s', '--ignore-not-found')
        self.t.kube.kubectl('delete', 'namespace', self.other, '--wait=false', '--ignore-not-found')
        left = [lb['id'] for lb in self.t.cloud.load_balancers(self.other)]
        expect(not left, f'left behind by the second namespace: {left}')

    # -- the tenants
    def stack(self, name: str = 'web', **spec) -> dict:
        return self.sharing(web(name, **spec))

    def sharing(self, stack: dict) -> dict:
        """The stack with the credentials of the cloud."""
        return {**stack, 'spec': {**stack['spec'], 'cloudCredentialsRef': {'clusterCloud': self.name}}}

    def ready_in_other(self, stack: dict) -> dict:
        """Applies a stack of the second namespace and returns its status."""
        name = stack['metadata']['name']
        self.t.kube.apply(stack, namespace=self.other)
        is_ready = lambda s: conditions(s or {}).get('Ready', {}).get('status') == 'True'  # noqa: E731
        return eventually('Ready', lambda: self.t.kube.stack(self.other, name), is_ready, READY)['status']

    def may(self, verb: str, resource: str, namespace: str, *options: str) -> bool:
        """Tells whether a tenant with the right to edit in the first namespace may do this."""
        account = f'system:serviceaccount:{self.t.namespace}:default'
        try:
            self.t.kube.kubectl('auth', 'can-i', verb, resource, '-n', namespace, '--as', account, *options)
        except Rejected:
            return False
        return True

    def let_edit(self) -> None:
        """Gives the service account of the first namespace the rights of `edit`."""
        roles = ('evenkeel-edit', 'system:aggregate-to-edit', 'system:aggregate-to-view')
        bindings = [{'apiVersion': 'rbac.authorization.k8s.io/v1', 'kind': 'RoleBinding', 'metadata': {'name': role.replace(':', '-')},
                     'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'ClusterRole', 'name': role},
                     'subjects': [{'kind': 'ServiceAccount', 'name': 'default', 'namespace': self.t.namespace}]} for role in roles]
        self.t.kube.apply(*bindings, namespace=self.t.namespace)

    def names_nobody_else(self, *words: str) -> None:
        """Checks that no status and no Event of the first namespace names the second one, that of the Secret, or these words."""
        stacks = [stack.get('status') for stack in self.t.kube.stacks(self.t.namespace)]
        shown = json.dumps([*stacks, *self.t.kube.all_events(self.t.namespace)])
        named = [word for word in (self.other, SECRETS, *words) if word in shown]
        expect(not named, f'another tenant is named by {named}: {shown}')
