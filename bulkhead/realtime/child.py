"""The process of one session: takes orders from a pipe, and tells what it hears by another.

Started by `Session`, never by hand: `python -m bulkhead.realtime.child TOLD LIFE`, two numbers of
open files. Orders come by standard input, the token among them; whatever native code prints goes
to standard output, which nobody here looks at.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from bulkhead.realtime.adapter import Adapter
from bulkhead.realtime.exits import BROKEN, CLOSED, MISSING, ORPHAN, TAKEN, UNHEARD
from bulkhead.realtime.lines import Lines
from bulkhead.realtime.load import Missing, load
from bulkhead.realtime.mouth import Mouth
from bulkhead.realtime.watch import Watch, end_with

Orders = SimpleQueue[dict[str, Any]]
_FOLDER_S = 10.0


def main() -> None:
    """Serve one session until its worker lets go of it."""
    told, life = int(sys.argv[1]), int(sys.argv[2])
    end_with(life)
    os.set_inheritable(told, False)
    orders: Orders = SimpleQueue()
    fd = _take_input()
    Thread(target=_listen, args=(fd, orders), name="orders", daemon=True).start()
    mouth = Mouth(told)
    first = orders.get()
    if first.get("op") != "start":
        mouth.leave(UNHEARD)
    watch = Watch(float(first["patience"]), mouth)
    watch.begin()
    adapter = _start(first, mouth)
    watch.end()
    while True:
        order = orders.get()
        watch.begin()
        _follow(order, adapter, mouth)
        watch.end()


def _take_input() -> int:
    """Standard input moved away: native code that reads it must not eat orders."""
    fd = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return fd


def _listen(fd: int, orders: Orders) -> None:
    lines = Lines()
    while chunk := os.read(fd, 65536):
        for order in lines.take(chunk):
            orders.put(order)
    os._exit(ORPHAN)


def _start(first: Mapping[str, Any], mouth: Mouth) -> Adapter:
    folder = Path(first["folder"])
    _take_folder(folder, mouth)
    try:
        package = load(first["package"])
        adapter = Adapter(package, mouth)
        adapter.start(folder, first["app_id"], first["token"])
    except Missing:
        mouth.tell("fatal", why="missing")
        mouth.leave(MISSING)
    # SystemExit among them: the package raises it where it cannot load its library.
    except BaseException as error:
        mouth.tell("fatal", why="broken", said=f"{type(error).__name__}: {error}"[:1000])
        mouth.leave(BROKEN)
    return adapter


def _take_folder(folder: Path, mouth: Mouth) -> None:
    """One process a folder: two open the same database without an error, and spoil it."""
    lock = os.open(folder / "process.lock", os.O_CREAT | os.O_RDWR, 0o600)
    deadline = time.monotonic() + _FOLDER_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                mouth.tell("fatal", why="taken")
                mouth.leave(TAKEN)
            time.sleep(0.05)


def _follow(order: Mapping[str, Any], adapter: Adapter, mouth: Mouth) -> None:
    try:
        match order.get("op"):
            case "send":
                adapter.send(order["message"])
            case "history":
                whom = (str(order["peer"] or ""), int(order["gid"] or 0))
                adapter.history(order["request"], *whom, int(order["count"]))
            case "close":
                adapter.stop()
                mouth.leave(CLOSED)
    except Exception as error:
        mouth.tell("fatal", why="broken", said=f"{type(error).__name__}: {error}"[:1000])
        mouth.leave(BROKEN)


if __name__ == "__main__":
    main()
