"""A port on this machine, with a thread for each connection."""

import socket
import threading
from contextlib import suppress


class Listener:
    """As a context it accepts, and hands each connection to `serve` on a thread of its own."""

    def __init__(self):
        self._sockets = []
        self._lock = threading.Lock()
        self._ended = False
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def serve(self, sock):
        raise NotImplementedError

    def end(self):
        """Let go of what threads still wait for: every connection that was accepted or made."""
        with self._lock:
            ending, self._sockets = self._sockets, []
        for sock in ending:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            self._ended = True
        self.end()
        for thread in list(self._threads):
            thread.join(60)

    def _hold(self, sock):
        """Let `end` close it; a connection that comes after the last `end` is closed at once."""
        with self._lock:
            if not self._ended:
                self._sockets.append(sock)
                return
        sock.close()

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._hold(sock)
            self._start(self.serve, sock)
