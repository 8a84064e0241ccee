"""A project for one scenario, with its own quotas, network and user, so that exhausted resources do not affect other
scenarios."""
import uuid

from .cloud import Cloud, checked

ROLES = ('member', 'load-balancer_member', 'creator')
# The kinds that Octavia counts, by the names of its quotas.
UNLIMITED = {kind: -1 for kind in ('load_balancer', 'listener', 'pool', 'member', 'health_monitor', 'l7policy', 'l7rule')}


class Project:
    """`cloud` is the project as its user sees it; `auth` goes into a Secret."""

    def __init__(self, addresses: str = '10.30.0.0/24', pool: tuple[str, str] | None = None):
        self.admin = Cloud('admin')
        identity = self.admin.connection.identity
        self.name, self.password = f'e2e-{uuid.uuid4().hex[:8]}', uuid.uuid4().hex
        self.id = identity.create_project(name=self.name, domain_id='default').id
        self.user = identity.create_user(name=self.name, password=self.password, domain_id='default', default_project_id=self.id)
        for role in ROLES:
            identity.assign_project_role_to_user(self.id, self.user, identity.find_role(role))
        self.auth = {'username': self.name, 'password': self.password, 'project_name': self.name}
        self._network(addresses, pool)
        self.cloud = Cloud('demo', **self.auth)

    def _network(self, addresses: str, pool: tuple[str, str] | None) -> None:
        """Creates a subnet with the project's name that the external network can reach."""
        neutron = self.admin.neutron
        network = neutron.create_network(name=self.name, project_id=self.id)
        pools = {'allocation_pools': [{'start': pool[0], 'end': pool[1]}]} if pool else {}
        self.subnet = neutron.create_subnet(name=self.name, network_id=network.id, project_id=self.id, ip_version=4,
                                            cidr=addresses, is_dhcp_enabled=False, **pools)
        external = neutron.find_network('public')
        router = neutron.create_router(name=self.name, project_id=self.id, external_gateway_info={'network_id': external.id})
        neutron.add_interface_to_router(router, subnet_id=self.subnet.id)
        self.network, self.router = network, router

    def limit(self, **quota: int) -> None:
        """Sets Octavia's quotas of the project; -1 is unlimited."""
        checked(self.admin.octavia.put(f'/lbaas/quotas/{self.id}', json={'quota': {**UNLIMITED, **quota}}))

    def limit_floating_ips(self, number: int) -> None:
        self.admin.neutron.put(f'/quotas/{self.id}', json={'quota': {'floatingip': number}})

    def leftovers(self) -> list[str]:
        """All resources of load balancers in the project."""
        return ([f"load balancer {lb['name']} of {self.name}" for lb in self.cloud.all('loadbalancers')]
                + [f"floating IP {f['floating_ip_address']} of {self.name}" for f in self.cloud.floating_ips()]
                + [f"port {p['name']} of {self.name}" for p in self._ports()]
                + [f"secret {s['name']} of {self.name}" for s in self.cloud.secrets('')])

    def _ports(self) -> list[dict]:
        """All ports but the router's."""
        return [p for p in self.admin.ports(network_id=self.network.id) if p['device_owner'] in ('Octavia', '')]

    def remove(self) -> None:
        neutron, identity = self.admin.neutron, self.admin.connection.identity
        for port in self._ports():
            neutron.delete_port(port['id'])
        neutron.remove_interface_from_router(self.router, subnet_id=self.subnet.id)
        neutron.delete_router(self.router.id)
        neutron.delete_network(self.network.id)
        identity.delete_user(self.user.id)
        identity.delete_project(self.id)
