"""Logs the requests of clients, independently of them: one JSON line when a request arrives and one when it has a response.

    {"at": "begin", "n": "812-7", "t": 1790000000.1, "agent": "evenkeel/0.1.0", "method": "POST", "path": "/v2/lbaas/loadbalancers", "query": ""}
    {"at": "end", ..., "status": 201, "seconds": 1.8, "ids": [...], "tags": [...]}

`ids` are the objects of a write: the UUIDs in its path and every `id` (and `listener_id`) in its response. `tags` are those of
the load balancer. Together they show the load balancer that a write belongs to. Bodies are never logged, because they
contain secrets.
"""
import io
import itertools
import json
import os
import re
import time

UUID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class RequestLog:
    def __init__(self, app, path: str):
        self.app = app
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.count = itertools.count(1)

    def __call__(self, environ, start_response):
        started = time.time()
        request = {'n': f'{os.getpid()}-{next(self.count)}', 'agent': environ.get('HTTP_USER_AGENT', ''),
                   'method': environ['REQUEST_METHOD'], 'path': environ['PATH_INFO'], 'query': environ.get('QUERY_STRING', '')}
        self._write({'at': 'begin', 't': started, **request})
        sent = _body(environ)
        end = {'at': 'end', **request}

        def start(status, headers, exc_info=None):
            end['status'] = int(status.split()[0])
            return start_response(status, headers, exc_info)

        chunks = self.app(environ, start)
        try:
            content = b''.join(chunks)
        finally:
            if hasattr(chunks, 'close'):
                chunks.close()
        if request['method'] != 'GET':
            end.update(_concerned(request['path'], sent, content))
        self._write({**end, 't': time.time(), 'seconds': round(time.time() - started, 3)})
        return [content]

    def _write(self, line: dict) -> None:
        os.write(self.file, json.dumps(line).encode() + b'\n')      # one write, so that lines of several processes do not mix


def _body(environ) -> bytes:
    """Reads the body of a request and puts it back."""
    length = int(environ.get('CONTENT_LENGTH') or 0)
    if not length:
        return b''
    body = environ['wsgi.input'].read(length)
    environ['wsgi.input'] = io.BytesIO(body)
    return body


def _concerned(path: str, sent: bytes, received: bytes) -> dict:
    ids, tags = set(UUID.findall(path)), set()
    for text in (sent, received):
        try:
            document = json.loads(text)
        except ValueError:
            continue
        _collect_ids(document, ids)
        if isinstance(document, dict) and isinstance(document.get('loadbalancer'), dict):
            tags.update(document['loadbalancer'].get('tags') or [])
    return {'ids': sorted(ids), 'tags': sorted(tags)}


def _collect_ids(value, ids: set) -> None:
    if isinstance(value, dict):
        # a policy names no ancestor but its listener
        ids.update(value[key] for key in ('id', 'listener_id') if isinstance(value.get(key), str))
        for v in value.values():
            _collect_ids(v, ids)
    elif isinstance(value, list):
        for v in value:
            _collect_ids(v, ids)
