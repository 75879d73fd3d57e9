"""A tiny forward and CONNECT proxy that records what it was asked for."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from tests.fakes.listener import Listener


class Proxy(Listener):
    """Forwards to loopback; with `refuse` it answers every CONNECT with 403."""

    def __init__(self, *, refuse=False):
        super().__init__()
        self._refuse = refuse
        self.asked = []
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, client):
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            verb, target, _ = head.split(b" ", 2)
            self.asked.append((verb.decode(), target.decode()))
            if verb == b"CONNECT" and self._refuse:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                client.shutdown(socket.SHUT_RDWR)
                return
            self._join(client, verb, target, head)

    def _join(self, client, verb, target, head):
        where = target.decode() if verb == b"CONNECT" else urlsplit(target.decode()).netloc
        host, port = where.rsplit(":", 1)
        server = socket.create_connection((host, int(port)), timeout=60)
        server.settimeout(None)
        self._hold(server)
        if verb == b"CONNECT":
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            server.sendall(head)
        self._start(_pump, server, client)
        _pump(client, server)


def _pump(source, sink):
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
