"""Many apps of one label, registered by one file, each with its webhook."""

import base64
import secrets

import requests

from bulkhead import api_address
from bulkhead.engine.inbound_secret import InboundSecrets
from bulkhead.settings import Settings
from bulkhead.site import Site
from tests.e2e.product import until
from tests.e2e.typed import typed


class Herd:
    """So many apps, in the order in which a rotation reaches them."""

    def __init__(self, rig, label, number, special=None):
        """`special` is what the sandbox is told of single apps, by their places."""
        self.rig, self.label = rig, label
        self.names = [f"acme/{label}{place:03}" for place in range(number)]
        self.tokens = [secrets.token_hex(24) for _ in self.names]
        self._apply()
        urls = self._webhooks()
        told = special or {}
        self.rig.post(
            "apps",
            [
                {"token": token, "edition": "cloud", "webhook": {"url": url}, **told.get(place, {})}
                for place, (token, url) in enumerate(zip(self.tokens, urls, strict=True))
            ],
        )

    def _apply(self):
        apps = "".join(
            f"      {name.split('/')[1]}: {{token_env: T{place}}}\n"
            for place, name in enumerate(self.names)
        )
        file = self.rig.place(
            f"{self.label}.yaml",
            f"""defaults:
  base_url: {self.rig.sandbox.url}/backend/
  labels: {{fleet: {self.label}}}
tenants:
  acme:
    apps:
{apps}""".encode(),
        )
        tokens = {f"T{place}": token for place, token in enumerate(self.tokens)}
        done = typed(self.rig.product, "apps", "apply", str(file), **tokens)
        assert done.code == 0, done

    def _webhooks(self):
        """Their inbound URLs; one command each would be most of a test's time."""
        home = self.rig.product.home
        until((home / "api.url").exists)
        base = api_address.find(home)
        box = Site.of(Settings.load({"BULKHEAD_HOME": str(home)})).box
        with self.rig.product.look() as scripts:
            issued = InboundSecrets(scripts, box)
            paths = [issued.issue(name).secret.reveal() for name in self.names]
        return [f"{base}/v1/inbound/mesibo/{path}" for path in paths]

    def typed(self, *words, code=0):
        done = typed(self.rig.product, *map(str, words))
        assert done.code == code, done
        return done

    def rotate(self, file, *words, kind="fcm", code=0):
        """The job document of a rotation that was waited for."""
        how = ("--apps", f"fleet={self.label}", f"--{kind}", file, "--yes", "--wait")
        words = ("creds", "rotate", *how, "--timeout", "400s", *words, "-o", "json")
        return self.typed(*words, code=code).json

    def results(self, job):
        """The result rows by app."""
        rows = self.typed("jobs", "results", job, "-o", "json").json
        found = {row["app"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    def pushed(self):
        """What the sandbox was told of each, bytes included, in their order."""
        with requests.Session() as session:
            ask = {"url": f"{self.rig.sandbox.url}/_sandbox/push", "timeout": 60}
            return [
                session.get(params={"token": token, "bytes": 1}, **ask).json()
                for token in self.tokens
            ]


def held(push, slot="fcm"):
    """The bytes in a slot, as the sandbox has them."""
    return base64.b64decode(push["slots"][slot]["bytes"])
