"""A way to the store that shuts at one verb: before the store hears of it, or before it is told."""

import hashlib
import socket
import threading
from contextlib import suppress

from bulkhead.engine.script import source
from tests.fakes.listener import Listener

QUESTION, ANSWER = "question", "answer"


class Gate(Listener):
    """Leads to the store's socket. With `shut_at` the verb's question or answer gets no further.

    `shut` is set when it did: a question was not heard, an answer was given and not told. The
    verb must be known to the store, else the answer is that it is not.
    """

    def __init__(self, path):
        super().__init__()
        self._path = path
        self._verb = self._what = self._having = None
        self._before = 0
        self.shut = threading.Event()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def shut_at(self, verb, what, having="", nth=1):
        """`having`: only where the question has these words, blanks aside; `nth`: of these."""
        self._what, self._having, self._before = what, having.encode(), nth - 1
        self._verb = hashlib.sha1(source(verb).encode()).hexdigest().encode()

    def serve(self, client):
        store = socket.socket(socket.AF_UNIX)
        store.connect(self._path)
        self._hold(store)
        closing = threading.Event()
        self._start(self._answers, store, client, closing)
        with suppress(OSError):
            while piece := client.recv(65536):
                if self._is_meant(piece):
                    if self._what == QUESTION:
                        self.shut.set()
                        return
                    closing.set()
                store.sendall(piece)

    def _is_meant(self, piece):
        verb = self._verb
        if not (verb and verb in piece and self._having in piece.replace(b" ", b"")):
            return False
        self._before -= 1
        return self._before < 0

    def _answers(self, store, client, closing):
        with suppress(OSError):
            while piece := store.recv(65536):
                if closing.is_set():
                    self.shut.set()
                    return
                client.sendall(piece)
