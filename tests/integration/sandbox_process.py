"""A real sandbox process and a small client for it."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "canary0app0token0of0the0shop0wxyz"
DEADLINE_S = 60


class Sandbox:
    """A sandbox that listens, and the calls a test makes to it."""

    def __init__(self, process, port):
        self.process = process
        self.port = port

    def send(self, method, path, body=None, headers=None, source=None):
        """The HTTP answer's status, headers and body; every call has a connection of its own."""
        where = ("127.0.0.1", self.port)
        link = http.client.HTTPConnection(*where, DEADLINE_S, source_address=source)
        try:
            link.request(method, path, body, headers or {"Content-Type": "application/json"})
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def call(self, op, token=TOKEN, peer=None, **members):
        """The JSON document a backend call is answered with."""
        headers = {"X-Sandbox-Peer": peer} if peer else {}
        body = json.dumps({"op": op, "token": token, **members})
        status, _, answer = self.send("POST", "/backend/", body, headers)
        assert status == 200
        return json.loads(answer)

    def add(self, address="ann", **members):
        return self.call("useradd", user={"address": address}, **members)

    def control(self, method, name, document=None, **query):
        """The status and JSON document of a control call."""
        path = f"/_sandbox/{name}" + (f"?{urlencode(query)}" if query else "")
        body = None if document is None else json.dumps(document)
        status, _, answer = self.send(method, path, body)
        return status, json.loads(answer)

    def register(self, token=TOKEN, edition="cloud", rate=None, **more):
        app = {"token": token, "edition": edition, "rate": rate, **more}
        assert self.control("POST", "apps", app)[0] == 201

    def faults(self, *rules):
        assert self.control("POST", "faults", list(rules)) == (200, {"rules": len(rules)})

    def received(self, **query):
        return self.control("GET", "received", **query)[1]

    def upload(self, content=None, file_name="key.json", token=TOKEN, **texts):
        """The answer to an upload, written as the vendor's HTML form would write it."""
        lines = [
            f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in {"op": "pushupload", "token": token, **texts}.items()
        ]
        if content is not None:
            named = f'Content-Disposition: form-data; name="file"; filename="{file_name}"'
            lines += [f"--edge\r\n{named}\r\n\r\n".encode(), content, b"\r\n"]
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        _, _, answer = self.send("POST", "/backend/", b"".join([*lines, b"--edge--\r\n"]), headers)
        return json.loads(answer)

    def push(self, token=TOKEN, **query):
        """What the app was told about push."""
        return self.control("GET", "push", token=token, **query)[1]

    def outcomes(self):
        return [item["outcome"] for item in self.received(token=TOKEN)["items"]]

    def stop(self):
        """End it as a service manager would; its exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE_S)


@contextmanager
def running(*flags):
    """A sandbox started with these flags, on a port of its own choice unless they name one."""
    command = [sys.executable, "-m", "sandbox", *map(str, flags)]
    if "--port" not in flags:
        command += ["--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            ready = process.stdout.readline()
            found = re.fullmatch(r"sandbox listening on http://127.0.0.1:(\d+)/backend/\n", ready)
            yield Sandbox(process, int(found[1]))
        finally:
            process.kill()


def until(read, good):
    """What `read` gives once it is `good`; fails with the last reading at the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not good(reading := read()):
        assert time.monotonic() < end, reading
    return reading
