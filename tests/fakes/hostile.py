"""A TCP server, written by hand, that answers an HTTP request as badly as a test wants."""

import socket
import struct
import threading
from contextlib import suppress

from tests.fakes.listener import Listener


def http(body=b"", *, status="200 OK", headers=()):
    """A well-formed answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Peer:
    """One connection of a client, after its request was read."""

    def __init__(self, sock, request, over):
        self.sock, self.request, self._over = sock, request, over

    def say(self, *pieces):
        for piece in pieces:
            self.sock.sendall(piece)

    def drip(self, piece, every=0.02):
        """Say the piece over and over until the client or the test has had enough."""
        while not self._over.wait(every):
            self.sock.sendall(piece)

    def hang(self):
        self._over.wait()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Hostile(Listener):
    """Reads whole requests and lets `behave(peer)` do the rest, until it closes the connection."""

    def __init__(self, behave, *, tls=None, on_accept=None):
        super().__init__()
        self._behave, self._tls, self._on_accept = behave, tls, on_accept
        self.requests = []
        self.connections = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}/backend/"

    def end(self):
        self._over.set()

    def serve(self, sock):
        with self._lock:
            self.connections += 1
        with suppress(OSError), sock:
            if self._on_accept:
                self._on_accept(Peer(sock, b"", self._over))
                return
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with sock:
                while (request := self._read(sock)) is not None:
                    with self._lock:
                        self.requests.append(request)
                    self._behave(Peer(sock, request, self._over))

    def _read(self, sock):
        request = b""
        sock.settimeout(0.05)
        while not _whole(request):
            if self._over.is_set():
                return None
            try:
                piece = sock.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                return None
            request += piece
        # What is said may take as long as a slow reader needs.
        sock.settimeout(60)
        return request


def _whole(request):
    head, found, body = request.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return True
