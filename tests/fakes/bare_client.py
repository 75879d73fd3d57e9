"""A program with only `celery[redis]`: its own virtual environment, and none of our code."""

import atexit
import functools
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

NEEDED = (
    # redis asks for async_timeout where Python is older than 3.11.3
    *(
        "async_timeout",
        "amqp",
        "billiard",
        "celery",
        "click",
        "click_didyoumean",
        "click_plugins",
        "click_repl",
    ),
    *("dateutil", "kombu", "packaging", "prompt_toolkit", "python_dateutil", "redis", "six"),
    *("typing_extensions", "tzdata", "tzlocal", "vine", "wcwidth"),
)
PROGRAM = """
import json, sys
from celery import Celery
app = Celery("bare", broker=sys.argv[1])
for line in sys.stdin:
    asked = json.loads(line)
    if "read" in asked:
        with app.connection() as connection, connection.SimpleQueue(asked["read"]) as queue:
            message = queue.get(timeout=asked["seconds"])
            message.ack()
            answer = {"headers": message.headers, "body": message.payload}
    else:
        asked.setdefault("queue", "bulkhead.submit")
        answer = app.send_task(**asked).id
    print(json.dumps(answer), flush=True)
"""


@functools.cache
def environment():
    """The Python of such an environment, made once a test process from what is installed here."""
    folder = Path(tempfile.mkdtemp(prefix="bare-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=True)
    here = Path(sysconfig.get_path("purelib"))
    there = folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    for name in NEEDED:
        found = [p for p in here.glob(f"{name}*") if p.name.split(".")[0].split("-")[0] == name]
        for path in found:
            (there / path.name).symlink_to(path)
    return folder / "bin" / "python"


class BareClient:
    """Such a program, connected to a broker."""

    def __init__(self, broker_url):
        self._process = subprocess.Popen(
            [str(environment()), "-I", "-c", PROGRAM, broker_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, task="tasks.submit", kwargs=None, **options):
        """Send a task as `send_task` does; its id."""
        return self._ask({"name": task, "kwargs": kwargs or {}, **options})

    def read(self, queue, seconds=60):
        """The next message of a queue: its task, and its keyword arguments."""
        got = self._ask({"read": queue, "seconds": seconds})
        return got["headers"]["task"], got["body"][1]

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _ask(self, asked):
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
