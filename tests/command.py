"""The real `bulkhead` command: in processes of its own, or typed in this one."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from producers.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
KEY = "k" * 40


def environment(**settings):
    """This process's environment with exactly these settings of ours."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("BULKHEAD_")}
    return kept | {f"BULKHEAD_{name.upper()}": str(value) for name, value in settings.items()}


def bulkhead(*words, **settings):
    """One command, ended: `.returncode`, `.stdout`, `.stderr`."""
    return subprocess.run(
        [sys.executable, "-m", "producers.cli", *words],
        env=environment(**settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def typed(*words, **settings):
    """The same without a process of its own, for a command that ends by itself."""
    return in_process(words, environment(**settings))


def in_process(words, environ, stdin=""):
    """What a person sees who types this, without starting Python each time."""
    before = dict(os.environ), sys.stdin, sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8", newline="")
    sys.stdout, sys.stderr = out, err
    try:
        main(list(words))
    except SystemExit as ended:
        code = ended.code
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        sys.stdin, sys.stdout, sys.stderr = before[1:]
    return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def _text(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


class Running:
    """A command that runs until told to stop; its output goes to files."""

    def __init__(self, folder, *words, **settings):
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "producers.cli", *words],
                env=environment(**settings),
                cwd=ROOT,
                stdout=out,
                stderr=err,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def stdout(self):
        return self._out.read_text()

    @property
    def stderr(self):
        return self._err.read_text()

    def line(self, event):
        """The first log line with that event; None if there is none yet."""
        for line in self.stderr.splitlines():
            if f'"event": "{event}"' in line:
                return json.loads(line)
        return None

    def end(self, number=signal.SIGTERM):
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=120)
