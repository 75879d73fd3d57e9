"""The package in a process of its own, spoken to as if it were here."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

DRIVER = Path(__file__).with_name("driver.py")
ROOT = Path(__file__).parents[3]
DEADLINE_S = 30


class Ended(Exception):
    """The process is gone; `by` is the name of the signal, or its exit status."""

    def __init__(self, by):
        super().__init__(f"the process ended by {by}")
        self.by = by


class Stage:
    """One process with one package; `heard` is what its listener was called with, in order."""

    def __init__(self, package, folder, **environment):
        self.folder = folder
        self.heard = []
        self._answers = []
        self._changed = threading.Condition()
        self._over = False
        self._said = (folder / "said").open("ab")
        theirs_in, self._to = os.pipe()
        self._from, theirs_out = os.pipe()
        home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(theirs_in), str(theirs_out), package],
            pass_fds=(theirs_in, theirs_out),
            stdout=self._said,
            stderr=self._said,
            cwd=folder,
            env={**home, "PYTHONPATH": str(ROOT), **environment},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.package = Thing(self, "package")

    @property
    def pid(self):
        return self._process.pid

    @property
    def said(self):
        """What it wrote to descriptors 1 and 2."""
        return (self.folder / "said").read_text("utf-8", "replace")

    def listen(self, kind="whole"):
        return self.ask({"listen": kind})

    def run(self, name, *arguments):
        return self.ask({"run": name, "with": _given(arguments)})

    def signed_in(self, token="fake", app_name="mesibo.contract", database=False):
        """Up to but without start(); a token of the wrong form by default."""
        mesibo = self.package.getInstance()
        mesibo.setAccessToken(token)
        mesibo.setAppName(app_name)
        mesibo.setPath(str(self.folder))
        if database:
            mesibo.setDatabase("messages.db", 0)
        return mesibo

    def wait_heard(self, name, count=1, **about):
        """The calls of that name with these members, as soon as there are so many."""

        def found():
            return [
                one["about"]
                for one in self.heard
                if one["heard"] == f"Mesibo_{name}" and about.items() <= one["about"].items()
            ]

        with self._changed:
            enough = self._changed.wait_for(
                lambda: len(found()) >= count or self._over, timeout=DEADLINE_S
            )
            if not enough or len(found()) < count:
                raise AssertionError(f"{name} {about} {count} times; heard {self.heard[-20:]}")
            return found()

    def ask(self, order):
        """Its answer; raises what the package raised, or Ended."""
        with self._changed:
            before = len(self._answers)
        try:
            os.write(self._to, (json.dumps(order) + "\n").encode())
        except BrokenPipeError:
            raise Ended(self.ended()) from None
        with self._changed:
            came = self._changed.wait_for(
                lambda: len(self._answers) > before or self._over, timeout=DEADLINE_S
            )
            if not came:
                raise AssertionError(f"no answer to {order}")
            answer = self._answers[-1] if len(self._answers) > before else None
        if answer is None:
            raise Ended(self.ended())
        if "raised" in answer:
            raise {"TypeError": TypeError, "OverflowError": OverflowError}.get(
                answer["raised"], RuntimeError
            )(f"{answer['raised']}: {answer['words']}")
        if "thing" in answer:
            return Thing(self, answer["thing"])
        return answer["bytes"].encode("latin-1") if "bytes" in answer else answer["value"]

    def ended(self):
        """How the process ended, waited for."""
        code = self._process.wait(DEADLINE_S)
        return signal.Signals(-code).name if code < 0 else code

    def kill(self):
        self._process.kill()
        self._process.wait(DEADLINE_S)

    def close(self):
        """End it, politely first."""
        os.close(self._to)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        self._said.close()

    def _read(self):
        with os.fdopen(self._from, encoding="utf-8") as lines:
            for line in lines:
                document = json.loads(line)
                with self._changed:
                    if "answer" in document:
                        self._answers.append(document["answer"])
                    else:
                        self.heard.append({**document, "at": time.monotonic()})
                    self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()


class Thing:
    """An object over there: its attributes and methods, by their names."""

    def __init__(self, stage, name):
        object.__setattr__(self, "_stage", stage)
        object.__setattr__(self, "_name", name)

    def get(self, name):
        return self._stage.ask({"get": name, "of": self._name})

    def __setattr__(self, name, value):
        self._stage.ask({"set": name, "of": self._name, "to": value})

    def __getattr__(self, name):
        def called(*arguments):
            return self._stage.ask({"call": name, "of": self._name, "with": _given(arguments)})

        return called


def _given(arguments):
    return [{"thing": one._name} if isinstance(one, Thing) else one for one in arguments]
