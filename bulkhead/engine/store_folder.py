"""What the embedded store keeps on disk beside its data: lock, record, configuration, key."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from bulkhead.engine.memory import usable_memory
from bulkhead.errors import InvalidInput, Unreachable
from bulkhead.secrets import SHORTEST_KEY

LONGEST_SOCKET_PATH = 100
"""Bytes: the kernel's limit is 104 on macOS and 108 on Linux, with a closing zero."""
LARGEST_LOG = 1_000_000
"""Bytes of server.log that a start keeps as it is; a longer one becomes server.log.1."""

CONFIG = """\
# Written anew at each start. hz: at 10, a wait of 20 ms for the bell ends after 100.
port 0
hz 100
unixsocket {socket}
unixsocketperm 700
dir {folder}
logfile {log}
pidfile {pid}
daemonize no
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
save ""
maxmemory {memory}
maxmemory-policy noeviction
"""


class StoreFolder:
    """`store/` under a home: of one user, for one server at a time."""

    def __init__(self, home: Path) -> None:
        self.path = (home / "store").absolute()
        self.log = self.path / "server.log"
        self.output = self.path / "server.out"
        self.config = self.path / "server.conf"

    def make(self) -> None:
        """The folder exists and only its user can enter it. Raises Unreachable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise self.unusable(error) from error

    def unusable(self, error: OSError) -> Unreachable:
        """The error for a folder that is not ours, read-only or full."""
        return Unreachable(
            f"the embedded store cannot use {self.path}",
            why=error.strerror or str(error),
            to_do="point BULKHEAD_HOME at a folder of yours, with room in it",
        )

    def lock(self) -> int | None:
        """An open file that holds the data, as do all who inherit it; None if it is taken."""
        return _flock(self.path / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB)

    def own(self) -> int:
        """An open file that shows, until it is closed, that its holder owns the store.

        Only for who holds the lock. Unlike a process number, it cannot outlive its process.
        """
        lock = _flock(self.path / "owner", fcntl.LOCK_EX)
        assert lock is not None, "we waited for it"  # noqa: S101
        return lock

    @property
    def owned(self) -> bool:
        """Whether the process that started the store still lives."""
        asked = _flock(self.path / "owner", fcntl.LOCK_SH | fcntl.LOCK_NB)
        if asked is not None:
            os.close(asked)
        return asked is None

    @property
    def owner(self) -> object:
        """The number of the process that started the store last."""
        return self._record().get("owner", "unknown")

    @property
    def socket(self) -> Path | None:
        """Where the server started last listens."""
        socket = self._record().get("socket")
        return Path(socket) if isinstance(socket, str) else None

    @property
    def server_pid(self) -> int:
        """The server's process; another one after the keeper had to start it again."""
        return int((self.path / "server.pid").read_text())

    def prepare(self) -> Path:
        """Write the configuration and who we are, and return the socket's path."""
        self.clear()
        socket = self.path / "server.sock"
        if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
            # Made by mkdtemp: nobody else can have prepared it, nobody else can enter it.
            socket = Path(tempfile.mkdtemp(prefix="bulkhead-")) / "server.sock"
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        text = CONFIG.format(
            socket=_quoted(socket),
            folder=_quoted(self.path),
            log=_quoted(self.log),
            pid=_quoted(self.path / "server.pid"),
            memory=usable_memory() // 2,
        )
        _write(self.config, text)
        _write(self.path / "owner.json", json.dumps({"owner": os.getpid(), "socket": str(socket)}))
        return socket

    def clear(self) -> None:
        """Forget the last owner and its socket. Only for who holds the lock, or just did."""
        if self.socket is not None:
            self.remove(self.socket)
        (self.path / "owner.json").unlink(missing_ok=True)

    def remove(self, socket: Path) -> None:
        """Leave nothing behind where a long path made us listen outside the folder."""
        if socket.parent != self.path:
            with suppress(OSError):
                socket.unlink(missing_ok=True)
                socket.parent.rmdir()

    def last_words(self) -> str:
        """The last line the server wrote before it ended."""
        for file in (self.output, self.log):
            with suppress(OSError):
                lines = file.read_text("utf-8", "replace").strip().splitlines()
                if lines:
                    return lines[-1].strip()
        return "it said nothing"

    def _record(self) -> dict[str, Any]:
        try:
            record = json.loads((self.path / "owner.json").read_text())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}


def secret_key(home: Path) -> str:
    """The embedded store's key: made once, for its owner only, the same for all who ask at once.

    Raises Unreachable or InvalidInput, naming the file.
    """
    file = home / "secret.key"
    try:
        if not file.exists():
            _make_key(file)
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreachable(
            f"the secret key {file} cannot be read",
            why=getattr(error, "strerror", None) or "it is not text",
            to_do="make it readable, or point BULKHEAD_HOME at a folder of yours",
        ) from None
    if len(key) < SHORTEST_KEY:
        raise InvalidInput(
            f"{file} holds no key",
            why=f"it is shorter than {SHORTEST_KEY} characters",
            to_do="put the old key back; without it the stored app tokens cannot be read",
        )
    return key


def _make_key(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp gives mode 0600; a link appears whole and only if nobody was faster.
    descriptor, name = tempfile.mkstemp(prefix=".key-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w") as draft:
            draft.write(secrets.token_urlsafe(48) + "\n")
            draft.flush()
            os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        Path(name).unlink()


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    draft.replace(file)


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _flock(file: Path, how: int) -> int | None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
