"""Two real stores, one following the other, and one address that leads to either."""

import os
import signal
import socket
import subprocess
import threading
from contextlib import suppress

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from bulkhead.engine.embedded import find_binary
from tests.fakes.listener import Listener


class Server:
    """One store on a port of its own, every write synced, as a process of the test's."""

    def __init__(self, folder, port, *, follows=None):
        folder.mkdir(parents=True)
        words = [str(find_binary()), "--port", str(port), "--bind", "127.0.0.1"]
        words += ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always"]
        words += ["--save", "", "--repl-diskless-sync-delay", "0"]
        words += ["--maxmemory-policy", "noeviction", "--maxmemory", "512mb"]
        if follows is not None:
            words += ["--replicaof", "127.0.0.1", str(follows.port)]
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._out = (folder / "server.out").open("wb")
        self.process = subprocess.Popen(words, stdout=self._out, stderr=self._out)
        self.redis = Redis(port=port, retry=Retry(NoBackoff(), 0), socket_timeout=20)

    def signal(self, number):
        os.kill(self.process.pid, number)

    def answers(self):
        with suppress(RedisError):
            return self.redis.ping()
        return False

    def in_step(self):
        """Whether it has all that the store it follows had when asked."""
        return self.redis.info("replication").get("master_link_status") == "up"

    def end(self):
        self.redis.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self._out.close()


class Pair:
    """A store and its replica; `promote` is what an operator or a sentinel does."""

    def __init__(self, folder, ports, until):
        self.first = Server(folder / "first", ports[0])
        until(self.first.answers)
        self.second = Server(folder / "second", ports[1], follows=self.first)
        until(self.second.answers)
        until(self.second.in_step)
        until(lambda: self.first.redis.info("replication")["slave0"]["state"] == "online")

    def promote(self):
        self.second.redis.execute_command("REPLICAOF", "NO", "ONE")

    def end(self):
        self.second.end()
        self.first.end()


class Forwarder(Listener):
    """A port that leads to another one; `switch` ends what is open and leads elsewhere."""

    def __init__(self, port):
        super().__init__()
        self._target = port
        self._guard = threading.Lock()

    def switch(self, port):
        with self._guard:
            self._target = port
            self.end()

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=60)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        self._hold(server)
        self._start(pump, server, client)
        pump(client, server)


def pump(source, sink):
    """Carry bytes one way until either side ends."""
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    for sock in (sink, source):
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
