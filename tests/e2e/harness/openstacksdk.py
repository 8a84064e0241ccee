"""Interpretation of clouds.yaml by openstacksdk itself: the login that it sends, and the endpoints that it chooses.

Run as a program, it records the results for the files of tests/clouds_yaml/read.
"""
import json
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import requests
from keystoneauth1 import session
from openstack.config import OpenStackConfig

FILES = Path(__file__).resolve().parents[2] / 'clouds_yaml'
RECORDED = FILES / 'openstacksdk.json'
REGIONS, INTERFACES = ('RegionOne', 'RegionTwo'), ('public', 'internal', 'admin')


class Cloud:
    """A replacement of `requests.Session`: one Keystone, whose catalogue has a distinct endpoint for each interface and
    region."""

    def __init__(self):
        self.login = None

    def request(self, method, url, data=None, **_):
        root, found, _ = url.partition('/v3/auth/tokens')
        if found:
            self.login = root, json.loads(data)
            return json_response(url, 201, token(), {'X-Subject-Token': 'token'})
        # The list of versions, at the root of the URL in the file.
        parts = urlsplit(url)
        version = {'id': 'v3.14', 'status': 'stable', 'links': [{'rel': 'self', 'href': f'{parts.scheme}://{parts.netloc}/v3'}]}
        named = parts.path.rstrip('/').endswith('/v3')
        return json_response(url, 200, {'version': version} if named else {'versions': {'values': [version]}})


def json_response(url, status, body, headers=None):
    response = requests.Response()
    response.status_code, response.url, response._content = status, url, json.dumps(body).encode()
    response.headers.update({'Content-Type': 'application/json', **(headers or {})})
    return response


def token():
    def service(kind):
        endpoints = [{'id': f'{i}{r}', 'interface': i, 'region_id': r, 'region': r, 'url': f'https://{kind}.{i}.{r}.example'.lower()}
                     for r in REGIONS for i in INTERFACES]
        return {'id': kind, 'type': kind, 'name': kind, 'endpoints': endpoints}
    return {'token': {'project': {'id': 'p', 'name': 'shop', 'domain': {'id': 'd', 'name': 'D'}}, 'user': {'id': 'u', 'name': 'u'},
                      'methods': ['password'], 'expires_at': '2999-01-01T00:00:00.000000Z', 'issued_at': '2020-01-01T00:00:00.000000Z',
                      'catalog': [service('load-balancer'), service('network')]}}


def readings() -> dict[str, dict]:
    return {path.stem: reading(path) for path in sorted((FILES / 'read').glob('*.yaml'))}


def reading(path, cloud='openstack'):
    """The result in the form of evenkeel_simulators::clouds_yaml_probe."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        config = OpenStackConfig(config_files=[str(path)], secure_files=[], vendor_files=[], load_envvars=False)
        region = config.get_one(cloud=cloud)
        fake = Cloud()
        region._keystone_session = session.Session(auth=region._auth, session=fake)
        region._keystone_session.get_token()
        at = {kind: region.get_endpoint(kind) or region.get_endpoint_from_catalog(kind) for kind in ('load-balancer', 'network')}
        verify, _ = region.get_requests_verify_args()
    # Host names ignore case.
    return {'identity': fake.login[0].lower(), 'login': fake.login[1], **at, 'verify': bool(verify)}


if __name__ == '__main__':
    RECORDED.write_text(json.dumps(readings(), indent=1, sort_keys=True) + '\n')
