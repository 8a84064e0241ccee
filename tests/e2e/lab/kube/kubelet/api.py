"""The API server: requests with the administrator's certificate, and watches."""
import asyncio
import http.client
import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

JSON, MERGE, STRATEGIC = 'application/json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'


class Api:
    def __init__(self, port: int, pki: str):
        self.port = port
        self.tls = ssl.create_default_context(cafile=f'{pki}/ca.crt')
        self.tls.load_cert_chain(f'{pki}/admin.crt', f'{pki}/admin.key')
        self.pool = ThreadPoolExecutor(8)
        self.kept = threading.local()

    async def ask(self, method: str, path: str, body: dict | None = None, kind: str = JSON) -> tuple[int, dict]:
        """Returns the status and the object. The status is 0 when there was no response."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, self._ask, method, path, body, kind)

    def watch(self, path: str, each: Callable[[str, dict], None]) -> None:
        """Calls each(type, object) in the loop for every object there is, and for every change from then on."""
        threading.Thread(target=self._watch, args=(asyncio.get_running_loop(), path, each), daemon=True).start()

    def _connect(self, timeout: float | None) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection('127.0.0.1', self.port, context=self.tls, timeout=timeout)

    def _ask(self, method: str, path: str, body: dict | None = None, kind: str = JSON) -> tuple[int, dict]:
        for _ in range(2):      # a kept connection may be closed by now
            try:
                kept = self.kept.connection = getattr(self.kept, 'connection', None) or self._connect(30)
                kept.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': kind})
                response = kept.getresponse()
                return response.status, json.loads(response.read() or b'{}')
            except (OSError, http.client.HTTPException):
                self.kept.connection = None
        return 0, {'message': 'no response from the API server'}

    def _watch(self, loop: asyncio.AbstractEventLoop, path: str, each: Callable[[str, dict], None]) -> None:
        known: dict[str, dict] = {}

        def tell(kind: str, thing: dict) -> None:
            uid = thing['metadata']['uid']
            known.pop(uid, None) if kind == 'DELETED' else known.update({uid: thing})
            loop.call_soon_threadsafe(each, kind, thing)

        while True:
            status, found = self._ask('GET', path)
            if status == 200:
                now = {thing['metadata']['uid'] for thing in found['items']}
                for uid in known.keys() - now:
                    tell('DELETED', known[uid])
                for thing in found['items']:
                    tell('MODIFIED', thing)
                self._follow(f"{path}?watch=1&resourceVersion={found['metadata']['resourceVersion']}", tell)
            time.sleep(0.2)

    def _follow(self, path: str, tell: Callable[[str, dict], None]) -> None:
        """Reads a watch until the server ends it."""
        connection = self._connect(None)
        try:
            connection.request('GET', path)
            for line in connection.getresponse():
                event = json.loads(line)
                if event['type'] not in ('ADDED', 'MODIFIED', 'DELETED'):
                    return
                tell(event['type'], event['object'])
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            connection.close()
