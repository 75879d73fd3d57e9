"""The demo's second half: one push key for twenty apps in three waves, first one that is bad."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

from bulkhead.engine.inbound_secret import InboundSecrets
from bulkhead.errors import Unreachable
from bulkhead.model.app import AppSettings
from bulkhead.model.job import Job
from bulkhead.secrets import Secret
from producers.cli.context import Context
from producers.cli.demo_typed import typed
from producers.cli.sandbox_app import TENANT, pushed, received, tell_sandbox_all

APPS = 20
WAVES = (1, 5, APPS)
BAD = 2
"""The place, counted from 0, of the app whose push service refuses the second key."""
LABEL = "push"
PROVEN = (
    *("--waves", ",".join(map(str, WAVES)), "--auto-rollback"),
    *("--verify", "test-push", "--test-user", "probe@example.com"),
)
STARTS_WITHIN = 60.0
"""Seconds for the api, at which the results of test notifications arrive."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation, and what the sandbox knows of the twenty apps after it."""

    job: Job
    file: str
    """The digest of the file that the apps were to have."""
    held: Sequence[str]
    """The digest of the file in each app's slot."""
    heard: Sequence[int]
    """Requests of each app in this rotation."""

    def to_dict(self) -> dict[str, Any]:
        told = self.job.to_dict()
        return {
            "job": self.job.id,
            "state": self.job.state.value,
            "counts": told["counts"],
            "errors_by_code": {one["code"]: one["count"] for one in told["errors_by_code"]},
            "calls": self.job.attempts["calls"],
            "sandbox": {
                "hold_the_new_file": self.held.count(self.file),
                "requests": sum(self.heard),
                "never_called": self.heard.count(0),
            },
        }


@dataclass(frozen=True, slots=True)
class Rotations:
    """What the demo says of them; `bad` was refused by one app's push service."""

    first: Rotation
    bad: Rotation
    good: Rotation

    def to_dict(self) -> dict[str, Any]:
        """The two that are proven in waves; the first only filled the slots."""
        told = {"bad": self.bad.to_dict(), "good": self.good.to_dict()}
        return {"apps": APPS, "waves": list(WAVES), **told}

    def disagreements(self) -> list[str]:
        """Where the jobs' numbers and the sandbox's do not agree."""
        bad, good = self.bad.to_dict(), self.good.to_dict()
        back = self.bad.held[WAVES[0] :].count(self.first.file)
        pairs = (
            ("apps of the first wave", bad["counts"]["succeeded"], _new(bad)),
            ("apps as before", bad["counts"]["failed"] + bad["counts"]["not_attempted"], back),
            ("apps never called", bad["counts"]["not_attempted"], bad["sandbox"]["never_called"]),
            ("apps with the good key", good["counts"]["succeeded"], _new(good)),
            ("all apps", APPS, _new(good)),
            ("calls with the bad key", bad["calls"], bad["sandbox"]["requests"]),
            ("calls with the good key", good["calls"], good["sandbox"]["requests"]),
        )
        return [f"{name}: {ours} ≠ {theirs}" for name, ours, theirs in pairs if ours != theirs]


@dataclass(slots=True)
class Stage:
    """Twenty apps that the sandbox and we know, with an empty slot for a push key."""

    ctx: Context
    address: str
    """Of the sandbox."""
    folder: Path
    """Where the keys lie, for as long as the demo runs."""
    tokens: dict[str, Secret] = field(default_factory=dict)
    keys: list[Path] = field(default_factory=list)

    @classmethod
    def build(cls, ctx: Context, address: str, api_port: int, folder: Path) -> Stage:
        """Raises Unreachable if a part of the demo does not answer."""
        stage = cls(ctx, address, folder)
        stage.keys = make_keys(folder)
        _wait_for(api_port)
        issued, said = InboundSecrets(ctx.scripts, ctx.box), []
        settings = AppSettings(f"{address}/backend/", labels={"demo": LABEL})
        for place in range(APPS):
            app, token = f"{TENANT}/app-{place + 1:02}", Secret(token_hex(24))
            ctx.fleet.add_app(app, settings, ctx.seal_token(app, token))
            path = issued.issue(app).secret.reveal()
            bad = [_digest(stage.keys[1])] if place == BAD else []
            hook = {"url": f"http://127.0.0.1:{api_port}/v1/inbound/mesibo/{path}"}
            said.append({"token": token.reveal(), "webhook": hook, "bad_push": bad})
            stage.tokens[app] = token
        tell_sandbox_all(address, said)
        return stage

    def play(self) -> Rotations:
        """Fill the slots, then rotate to a key that fails in one app, then to a good one."""
        old, bad, good = self.keys
        return Rotations(self._rotate(old), self._rotate(bad, *PROVEN), self._rotate(good, *PROVEN))

    def _rotate(self, key: Path, *words: str) -> Rotation:
        before = self._requests()
        from producers.cli.creds_rotate import rotate

        job = typed(self.ctx, rotate, "--apps", f"demo={LABEL}", "--fcm", str(key), *words)
        heard = [now - then for now, then in zip(self._requests(), before, strict=True)]
        held = [_held(pushed(self.address, token)) for token in self.tokens.values()]
        return Rotation(job, _digest(key), held, heard)

    def _requests(self) -> list[int]:
        return [received(self.address, token)["requests"] for token in self.tokens.values()]


def tell(rotations: Rotations) -> list[str]:
    """The lines for a newcomer."""
    bad, good = rotations.bad.to_dict(), rotations.good.to_dict()
    unlucky, failed = f"{TENANT}/app-{BAD + 1:02}", bad["errors_by_code"]
    sizes = [end - begin for begin, end in zip((0, *WAVES), WAVES, strict=False)]
    return [
        f"A push key for {APPS} apps, in waves of {', '.join(map(str, sizes))}; each app proves it "
        "by a test notification:",
        f"  first a key that the push service of {unlucky} refuses, so its wave is the last:",
        f"  {bad['counts']['succeeded']:>6,} has it, from the wave before; the sandbox finds it in "
        f"{_new(bad):,}",
        f"  {bad['counts']['failed']:>6,} went back to the key before: "
        + ", ".join(f"{failed[code]} {code}" for code in sorted(failed)),
        f"  {bad['counts']['not_attempted']:>6,} were not attempted; the sandbox heard nothing for "
        f"{bad['sandbox']['never_called']:,}",
        "  then a good key:",
        f"  {good['counts']['succeeded']:>6,} have it; the sandbox finds it in {_new(good):,}, "
        "byte for byte",
        f"  {bad['calls'] + good['calls']:>6,} calls; the sandbox received "
        f"{bad['sandbox']['requests'] + good['sandbox']['requests']:,}",
        "",
    ]


def make_keys(folder: Path) -> list[Path]:
    """Three service accounts of one project, as FCM would hand them out; nobody else has them."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "demo",
        "client_email": "push@demo.iam.gserviceaccount.com",
        "private_key": private.decode(),
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    made = []
    for name in ("old", "bad", "good"):
        made.append(folder / f"{name}-key.json")
        made[-1].write_text(json.dumps(account | {"private_key_id": token_hex(20)}))
    return made


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise Unreachable("the api did not start in time", why=f"nothing listens on port {port}")


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _held(book: Mapping[str, Any]) -> str:
    return str(book["slots"].get("fcm", {}).get("sha256"))


def _new(told: Mapping[str, Any]) -> int:
    return int(told["sandbox"]["hold_the_new_file"])
