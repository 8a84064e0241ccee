"""The search of secrets of the run in logs, statuses, Events and metrics."""
import base64
import re

import yaml

from . import config, credentials, issuer, proxy
from .controller import Controller
from .waiting import expect


def known_secrets(t) -> dict[str, set[str]]:
    """Every secret value that the run knows, by kind."""
    clouds = yaml.safe_load(config.CLOUDS_YAML.read_text())['clouds']
    stored = {s for cloud in clouds.values() for f in credentials.SECRET_FIELDS if (s := cloud['auth'].get(f))} | credentials.secret_values
    account = yaml.safe_load(t.controller.kubeconfig.read_text())['users'][0]['user']['token']
    return {'a password or an application credential': stored, 'a token': proxy.tokens,
            "one of them in base64, as in a Secret's data": {text for s in stored for text in in_base64(s)},
            # Its last part, the signature: the others are no secrets.
            "the token of the controller's service account": {account.rsplit('.', 1)[-1]}}


# Text in base64 or hexadecimal digits, and lists of bytes: the forms of keys. They are a small part of any text.
FORMS_OF_KEYS = re.compile(r'[A-Za-z0-9+/=]{30,}|(?:\d{1,3}, ){20,}\d{1,3}')


def known_keys(t) -> dict[str, set[str]]:
    """Lines of every private key, as hexadecimal digits and as a list of bytes too, and what base64 makes of them."""
    lines = t.certificates.key_material | issuer.key_material
    return {'a private key': lines, "a private key in base64, as in a Secret's data": {text for line in lines for text in in_base64(line)}}


def in_base64(secret: str):
    """Forms of a text in the middle of a base64 text: one of three, without the characters at both ends, which also depend
    on the neighbouring text."""
    content = secret.encode()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + content).decode()
        yield whole[-(-8 * before // 6):8 * (before + len(content)) // 6]


def expect_none(secrets: dict[str, set[str]], texts: dict[str, str]) -> None:
    """Checks that no text has any of these values."""
    for where, text in texts.items():
        found = [kind for kind, values in secrets.items() if any(value in text for value in values)]
        expect(not found, f'in {where}: {found}')


def expect_no_key_in(keys: dict[str, set[str]], texts: dict[str, str]) -> None:
    """The same for private keys, which are many."""
    expect_none(keys, {where: '\n'.join(set(FORMS_OF_KEYS.findall(text))) for where, text in texts.items()})
    expect_none({'a private key in PEM': {'PRIVATE KEY-----'}}, texts)


def expect_no_keys(t, controller: Controller | None = None) -> int:
    """Checks what a controller has written about a scenario: no private key is there, in any form. Returns the number of
    the values that were searched."""
    controller = controller or t.controller
    secrets = known_keys(t)
    expect(secrets['a private key'], 'no private key is known')
    seen = config.RECORDED / f'{t.name}-seen.jsonl'
    texts = {'the log': controller.log.read_text(errors='replace'), 'statuses': seen.read_text(), 'metrics': controller.get('/metrics').text,
             'Events and stacks': t.kube.kubectl('get', 'events.events.k8s.io,loadbalancerstacks', '-n', t.namespace, '-o', 'yaml')}
    expect_no_key_in(secrets, texts)
    return sum(map(len, secrets.values()))
