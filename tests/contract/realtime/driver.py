"""Does with the package what its parent says, line by line; the parent sees how it ends.

Not a test: `stage.py` runs it in a process of its own, because the package ends processes. Two
descriptors are handed over for the talk, since native code writes to descriptor 1.
"""

import importlib
import json
import os
import sys
import threading

orders = os.fdopen(int(sys.argv[1]), "r", encoding="utf-8")
answers = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8", buffering=1)
package = importlib.import_module(sys.argv[3])
things = {"package": package}
main = threading.get_ident()
held = []
speaking = threading.Lock()


def say(document):
    line = json.dumps(document)
    with speaking:
        answers.write(line + "\n")


def shown(value):
    """A value as JSON has it, or a name under which the parent can speak of it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"value": value}
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    name = f"t{len(things)}"
    things[name] = value
    return {"thing": name}


def meant(argument):
    return things[argument["thing"]] if isinstance(argument, dict) else argument


def about(message):
    """What a callback was given, read while it is still there."""
    if isinstance(message, int):
        return {"status": message}
    names = ("mid", "peer", "groupid", "message", "data", "title", "presence")
    found = {name: getattr(message, name) for name in names if hasattr(message, name)}
    asked = ("getStatus", "isOutgoing", "isLastMessage", "isDbMessage", "isCall")
    found |= {name: getattr(message, name)() for name in asked if hasattr(message, name)}
    if hasattr(message, "file"):
        found["file"] = {"path": message.file.path, "url": message.file.url}
    return {k: v.decode("latin-1") if isinstance(v, bytes) else v for k, v in found.items()}


def raising(_):
    raise ValueError("a callback that raises")


WHAT_THEY_RETURN = {
    "whole": lambda _: 0,
    "returns nothing": lambda _: None,
    "returns text": lambda _: "0",
    "raises": raising,
}


def callback(name, does):
    def called(self, argument):
        on = "own" if threading.get_ident() == main else "other"
        say({"heard": name, "on": on, "about": about(argument)})
        return does(argument)

    called.__name__ = name
    return called


def listener(kind):
    """A listener that behaves so in every callback; with `lacks onMessage` it has not that one."""
    does = WHAT_THEY_RETURN.get(kind, WHAT_THEY_RETURN["whole"])
    every = [name for name in dir(package.MesiboListener) if name.startswith("Mesibo_on")]
    wanted = [name for name in every if kind != f"lacks {name}"]
    made = type("L", (package.MesiboListener,), {name: callback(name, does) for name in wanted})()
    if kind != "let go":
        held.append(made)
    package.getInstance().addListener(made)
    return made if kind != "let go" else None


def sent_by_threads(threads, each):
    """The mids of messages made by several threads at once."""
    mids = []

    def work():
        for _ in range(each):
            message = package.getInstance().newMessage("ann")
            message.message = "x"
            message.send()
            mids.append(message.mid)

    every = [threading.Thread(target=work) for _ in range(threads)]
    for one in every:
        one.start()
    for one in every:
        one.join()
    return len(set(mids))


def mids_of_forked(children):
    """How many numbers as many children draw, each forked from here."""
    seen = set()
    for _ in range(children):
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, str(package.getInstance().newMessage("ann").mid).encode())
            os._exit(0)
        os.wait()
        seen.add(os.read(read, 64))
    return len(seen)


def reads_and_fetches(mesibo, listener):
    """All that a read session can do, one after the other."""
    session = meant(mesibo).createReadSession("ann", 0, None, meant(listener))
    session.enableReadReceipt(True)
    session.enableFifo(True)
    return session.read(10), session.sync(10), session.stop()


def members():
    """Every public name, those of a class with its members, and the numbers."""
    found = {}
    for name in dir(package):
        value = getattr(package, name)
        if name.startswith("MESIBO_"):
            found[name] = value
        elif isinstance(value, type) and name.startswith("Mesibo"):
            found[name] = [one for one in dir(value) if not one.startswith("_")]
        elif name in ("getInstance", "readDataAs"):
            found[name] = "function"
    return found


def carry_out(order):
    match order:
        case {"get": name, "of": thing}:
            return shown(getattr(things[thing], name))
        case {"set": name, "of": thing, "to": value}:
            return shown(setattr(things[thing], name, value))
        case {"call": name, "of": thing, "with": arguments}:
            return shown(getattr(things[thing], name)(*map(meant, arguments)))
        case {"listen": kind}:
            return shown(listener(kind))
        case {"run": name, "with": arguments}:
            return {"value": RUN[name](*arguments)}
    raise LookupError(order)


RUN = {one.__name__: one for one in (sent_by_threads, mids_of_forked, reads_and_fetches, members)}

for line in orders:
    try:
        say({"answer": carry_out(json.loads(line))})
    except Exception as error:
        say({"answer": {"raised": type(error).__name__, "words": str(error)}})
