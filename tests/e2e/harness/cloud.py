"""The state of Octavia, Neutron and Barbican, read through openstacksdk, which shares no code with Evenkeel.

Objects are the services' own JSON. The SDK's classes drop unknown fields, and every field has to be compared.
"""
import base64
import os
from functools import lru_cache

import openstack

from . import config
from .waiting import OCTAVIA, eventually

os.environ['OS_CLIENT_CONFIG_FILE'] = str(config.CLOUDS_YAML)
LBAAS = '/lbaas'
PAGE = 500


class Cloud:
    def __init__(self, name: str = 'demo', **auth: str):
        self.connection = openstack.connect(cloud=name, **({'auth': auth} if auth else {}))
        self.octavia = self.connection.load_balancer
        self.neutron = self.connection.network

    # -- Octavia
    def all(self, kind: str, **filters) -> list[dict]:
        """Every object of a kind (`loadbalancers`, `pools/<id>/members`)."""
        key, found, marker = kind.rsplit('/', 1)[-1], [], {}
        while True:
            response = self.octavia.get(f'{LBAAS}/{kind}', params={**filters, **marker, 'limit': PAGE})
            page = checked(response)[key]
            found += page
            if len(page) < PAGE:
                return found
            marker = {'marker': page[-1]['id']}

    def load_balancer(self, lb_id: str) -> dict | None:
        response = self.octavia.get(f'{LBAAS}/loadbalancers/{lb_id}')
        return None if response.status_code == 404 else checked(response)['loadbalancer']

    def load_balancers(self, namespace: str, name: str | None = None) -> list[dict]:
        """The load balancers with the owner tags of this cluster, namespace and name."""
        tags = [f'evenkeel:namespace={namespace}'] + ([f'evenkeel:name={name}'] if name else [])
        return self.all('loadbalancers', tags=','.join(tags))

    def tree(self, lb_id: str) -> dict:
        """The load balancer with its whole tree, nested as in the single-call create."""
        lb = self.load_balancer(lb_id)
        lb['listeners'] = self.all('listeners', loadbalancer_id=lb_id)
        lb['pools'] = self.all('pools', loadbalancer_id=lb_id)
        for listener in lb['listeners']:
            listener['l7policies'] = self.all('l7policies', listener_id=listener['id'], sort='position')
            for policy in listener['l7policies']:
                policy['rules'] = self.all(f"l7policies/{policy['id']}/rules")
        for pool in lb['pools']:
            pool['members'] = self.all(f"pools/{pool['id']}/members")
            pool['healthmonitor'] = next(iter(self.all('healthmonitors', pool_id=pool['id'])), None)
        return lb

    def write(self, method: str, path: str, body: dict | None = None) -> dict:
        """Sends a write behind the controller's back; waits while the load balancer is locked."""
        def attempt():
            response = self.octavia.request(f'{LBAAS}/{path}', method, json=body)
            locked = response.status_code == 409 and ('immutable' in response.text or 'Invalid state PENDING' in response.text)
            return None if locked else response
        response = eventually(f'{method} {path} is accepted', attempt, lambda a: a is not None, timeout=60, kind=OCTAVIA)
        return checked(response) if response.content else {}

    def active(self, lb_id: str, timeout: float = 60) -> dict:
        return eventually(f'load balancer {lb_id} is ACTIVE', lambda: self.load_balancer(lb_id),
                          lambda lb: lb['provisioning_status'] == 'ACTIVE', timeout, kind=OCTAVIA)

    def gone(self, lb_id: str, timeout: float = 60) -> None:
        eventually(f'load balancer {lb_id} is gone', lambda: self.load_balancer(lb_id), lambda lb: lb is None, timeout, kind=OCTAVIA)

    def delete_load_balancer(self, lb_id: str) -> None:
        if (lb := self.load_balancer(lb_id)) and lb['provisioning_status'] not in ('PENDING_DELETE', 'DELETED'):
            self.write('DELETE', f'loadbalancers/{lb_id}?cascade=true')
        self.gone(lb_id)

    # -- Neutron
    def floating_ips(self, **filters) -> list[dict]:
        return checked(self.neutron.get('/floatingips', params=filters))['floatingips']

    def marked_floating_ips(self, uids: set[str]) -> list[dict]:
        """The floating IPs with the owner tags of one of these stacks."""
        return [f for f in self.floating_ips()
                if any(uid in text for uid in uids for text in [f['description'], *f['tags']])]

    def make_floating_ip(self, network: str = 'public', **more) -> dict:
        created = self.neutron.create_ip(floating_network_id=self.id_of('network', network), **more)
        return self.floating_ips(id=created.id)[0]

    def delete_floating_ip(self, fip_id: str) -> None:
        self.neutron.delete_ip(fip_id)

    def ports(self, **filters) -> list[dict]:
        return checked(self.neutron.get('/ports', params=filters))['ports']

    def make_port(self, subnet: str, **more) -> dict:
        known = self.neutron.get_subnet(self.id_of('subnet', subnet))
        created = self.neutron.create_port(network_id=known.network_id, fixed_ips=[{'subnet_id': known.id}], **more)
        return self.ports(id=created.id)[0]

    def delete_port(self, port_id: str) -> None:
        self.neutron.delete_port(port_id)

    @lru_cache(maxsize=None)
    def id_of(self, kind: str, name: str) -> str:
        """The id of a named network, subnet, port, security_group, qos_policy or flavor."""
        if kind == 'flavor':
            return self.octavia.find_flavor(name, ignore_missing=False).id
        return getattr(self.neutron, f'find_{kind}')(name, ignore_missing=False).id

    # -- Barbican
    def store_secret(self, name: str, content: bytes) -> str:
        """Stores a secret with this content and returns its reference."""
        created = self.connection.key_manager.post('/secrets', json={
            'name': name, 'payload': base64.b64encode(content).decode(),
            'payload_content_type': 'application/octet-stream', 'payload_content_encoding': 'base64'})
        return checked(created)['secret_ref']

    def secrets(self, prefix: str) -> list[dict]:
        """The secrets whose names begin with this text."""
        found = []
        while True:
            page = checked(self.connection.key_manager.get('/secrets', params={'limit': 100, 'offset': len(found)}))['secrets']
            found += page
            if len(page) < 100:
                return [secret for secret in found if (secret['name'] or '').startswith(prefix)]

    def payload(self, reference: str) -> bytes:
        """The content of a secret."""
        path = f"/secrets/{reference.rsplit('/', 1)[-1]}"
        described = checked(self.connection.key_manager.get(path, headers={'Accept': 'application/json'}))
        response = self.connection.key_manager.get(f'{path}/payload', headers={'Accept': described['content_types']['default']})
        if response.status_code >= 400:
            raise RuntimeError(f'{path}: {response.status_code} {response.text}')
        return response.content

    def store_container(self, name: str, secrets: list[dict], kind: str = 'certificate') -> str:
        created = self.connection.key_manager.post('/containers', json={'name': name, 'type': kind, 'secret_refs': secrets})
        return checked(created)['container_ref']

    def delete_certificate(self, reference: str) -> None:
        """Deletes a secret or container."""
        self.connection.key_manager.delete(reference)

    # -- Keystone
    def make_application_credential(self, name: str) -> dict[str, str]:
        """Creates an application credential with all roles of this cloud's user, in the form of clouds.yaml."""
        created = self.connection.identity.create_application_credential(self.connection.current_user_id, name)
        return {'application_credential_id': created.id, 'application_credential_secret': created.secret}

    def delete_application_credential(self, credential: dict[str, str]) -> None:
        identity, user = self.connection.identity, self.connection.current_user_id
        identity.delete_application_credential(user, credential['application_credential_id'])


def checked(response) -> dict:
    if response.status_code >= 400:
        raise RuntimeError(f'{response.request.method} {response.url}: {response.status_code} {response.text}')
    return response.json()
