"""A relay between the controller and the API server that can cut every connection, or hold back all bytes."""
import contextlib
import select
import socket
import threading
import time
from pathlib import Path

import yaml


class Relay:
    def __init__(self, port: int):
        self.upstream = port
        self.silent = False
        self.cuts = 0
        self.pairs: set[tuple[socket.socket, socket.socket]] = set()
        self.listener = socket.create_server(('127.0.0.1', 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def kubeconfig(self, of: Path, path: Path) -> Path:
        """The same kubeconfig with the address of this relay."""
        document = yaml.safe_load(of.read_text())
        document['clusters'][0]['cluster']['server'] = f'https://127.0.0.1:{self.listener.getsockname()[1]}'
        path.write_text(yaml.safe_dump(document))
        path.chmod(0o600)
        return path

    def cut(self) -> None:
        self.cuts += 1
        for pair in list(self.pairs):
            self._end(pair)

    def close(self) -> None:
        self.listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                try:
                    pair = (client, socket.create_connection(('127.0.0.1', self.upstream), 5))
                except OSError:
                    client.close()
                    continue
                self.pairs.add(pair)
                threading.Thread(target=self._carry, args=(pair,), daemon=True).start()

    def _carry(self, pair: tuple[socket.socket, socket.socket]) -> None:
        client, server = pair
        with contextlib.suppress(OSError, ValueError):
            while True:
                for ready in select.select(pair, [], [], 1)[0]:
                    data = ready.recv(65536)
                    while self.silent:
                        time.sleep(0.05)
                    if not data:
                        raise OSError
                    (server if ready is client else client).sendall(data)
        self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self.pairs.discard(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
