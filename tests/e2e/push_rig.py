"""A product with workers and a sandbox, for commands about push: an app for each test."""

import base64
import itertools
import os
import re
import secrets
import shutil
from pathlib import Path

import requests

from tests.e2e.standing import Standing
from tests.e2e.typed import typed
from tests.fakes.push_files import certificate

FILES = Path(__file__).parents[1] / "credentials"
FCM, OTHER_FCM = FILES / "fcm.json", FILES / "fcm-other-project.json"


class App:
    """One app of the product, as a person at a keyboard and as the sandbox sees it."""

    def __init__(self, rig, name, edition="cloud", words=(), **registered):
        self.rig, self.name, self.token = rig, name, secrets.token_hex(24)
        self.edition, self.registered = edition, registered
        self.register()
        given = ("--base-url", f"{rig.sandbox.url}/backend/", "--edition", edition, *words)
        self.typed("apps", "add", name, *given, "--token-env", "APP_TOKEN", APP_TOKEN=self.token)

    def register(self, **more):
        """Tell the sandbox of the app; it starts afresh there."""
        self.registered |= more
        app = {"token": self.token, "edition": self.edition, "rate": None, **self.registered}
        self.rig.post("apps", app)

    def typed(self, *words, code=0, **more):
        """A command typed to its end, with the exit code that it must have."""
        done = typed(self.rig.product, *map(str, words), **more)
        assert done.code == code, done
        return done

    def creds(self, *words, code=0, **more):
        """A command of `creds` as JSON."""
        return self.typed("creds", *words, "-o", "json", code=code, **more)

    def upload(self, *files, code=0, **more):
        """The job document of an upload that was waited for."""
        words = (*files, "--app", self.name, "--wait", "--timeout", "60s")
        return self.creds("upload", *words, code=code, **more).json

    def results(self, job):
        return self.typed("jobs", "results", job, "-o", "json").json

    def push(self):
        """What the sandbox was told about push, bytes included."""
        query = {"token": self.token, "bytes": 1}
        return requests.get(
            f"{self.rig.sandbox.url}/_sandbox/push", params=query, timeout=60
        ).json()

    def held(self):
        """Slot → the bytes that the sandbox has there."""
        slots = self.push()["slots"]
        return {slot: base64.b64decode(one["bytes"]) for slot, one in slots.items()}

    def uploads(self):
        return self.push()["uploads"]

    def give_webhook(self, **how):
        """The app's inbound URL, pasted into the sandbox as into mesibo's console."""
        url = self.typed("webhooks", "inbound", "show", self.name, "-o", "json").json["url"]
        self.register(webhook={"url": url, **how})
        return url


class Rig:
    """`up` with a worker, and a sandbox: the ones that stand, or of the product's own."""

    def __init__(self, product):
        self.product = product
        if isinstance(product, Standing):
            self.sandbox = product.stand_in
        else:
            self.sandbox = product.sandbox()
            product.up(workers=1, sandbox=False)
        typed(product, "tenants", "add", "acme")
        self._numbers = itertools.count(1)

    def app(self, edition="cloud", words=(), **registered):
        return App(self, f"acme/shop{next(self._numbers)}", edition, words, **registered)

    def post(self, name, document):
        self.sandbox._post(name, document)

    def faults(self, *rules):
        self.sandbox.faults(*rules)

    def place(self, name, content=None):
        """A file in the home: of its own content, or copied from the tests' credentials."""
        path = self.product.home / name
        if content is None:
            shutil.copy(FILES / name, path)
        else:
            path.write_bytes(content)
        return path

    def p12(self, name="push.p12", bundle="com.example.shop", **how):
        """A fresh certificate with its key; each has another fingerprint."""
        return self.place(name, certificate(bundle, **how))

    def logs(self):
        return "".join(one.read_text() for one in self.product.home.glob("*.log"))


def parts_of(content):
    """Stretches of a file that nobody may ever see again, and their base64 texts."""
    raw = bytes(content)
    found = [raw[at : at + 24] for at in range(60, max(61, len(raw) - 24), 97)]
    text = re.search(rb"BEGIN PRIVATE KEY-----(.*?)-----END", raw, re.S)
    if text:
        found += [text[1][40:80], text[1][100:140].replace(b"\\n", b"")]
    return found


def anywhere(folder):
    """Every file under a folder, as bytes."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if path.is_file() and not path.is_socket():
                yield path, path.read_bytes()
