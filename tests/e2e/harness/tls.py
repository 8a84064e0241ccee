"""TLS in front of a service of the lab, which itself speaks plain HTTP."""
import os
import socket
import socketserver
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from . import config
from .certificates import PEM, builder


class Front:
    """Terminates TLS with this certificate, at `https://localhost:port`."""

    def __init__(self, service: str, certificate: Path, key: Path):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        upstream = int(os.environ[f'{service.upper()}_PORT'])

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    client = context.wrap_socket(self.request, server_side=True)
                except OSError:
                    return      # a client that does not trust the certificate
                with client, socket.create_connection(('127.0.0.1', upstream)) as server:
                    threading.Thread(target=copy, args=(server, client), daemon=True).start()
                    copy(client, server)

        self.server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f'https://localhost:{self.server.server_address[1]}'

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def trusting(authorities: str, pair: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """The TLS context of a client that trusts only these authorities, and shows this certificate."""
    context = ssl.create_default_context(cadata=authorities)
    if pair:
        context.load_cert_chain(*pair)
    return context


def copy(source, target) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def self_signed(host: str) -> tuple[Path, Path]:
    """A certificate as `openssl req -x509` makes it: CA:TRUE."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    certificate = (builder(host, name, key.public_key())
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    paths = config.HOME / 'self-signed.crt', config.HOME / 'self-signed.key'
    text = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for path, content in zip(paths, (certificate.public_bytes(PEM), text)):
        path.touch(mode=0o600)
        path.write_bytes(content)
    return paths
