"""The demo's last part: a message and a file through a user's own session."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

from bulkhead.model.app import AppSettings
from bulkhead.model.job import Job
from bulkhead.secrets import Secret
from producers.cli.context import Context
from producers.cli.demo_typed import typed
from producers.cli.sandbox_app import TENANT, realtime_book, tell_sandbox_all

LIVE = f"{TENANT}/live"
SENDER = "concierge@example.com"
PEOPLE = 40
TEXT = "Hello {{name}}, your table is ready."
MENU = b"Soup\nBread\nPlums\n" * 400


@dataclass(frozen=True, slots=True)
class Signed:
    """What the demo says of its session, and the sandbox of the same."""

    message: Job
    file: Job
    there: Mapping[str, Any]
    """The sandbox's book of real-time messages."""

    @property
    def files(self) -> set[str]:
        """The digests of the files that arrived."""
        return {one["sha256"] for one in self.there["files"].values() if one["whole"]}

    def to_dict(self) -> dict[str, Any]:
        return {
            "job": self.message.id,
            "state": self.message.state.value,
            "counts": self.message.to_dict()["counts"],
            "file": {"job": self.file.id, "counts": self.file.to_dict()["counts"]},
            "file_sha256": sha256(MENU).hexdigest(),
            "sandbox": {
                "messages": self.there["messages"],
                "most_per_message": self.there["most_per_mid"],
                "logins": self.there["logins"],
                "files_sha256": sorted(self.files),
            },
        }

    def disagreements(self) -> list[str]:
        """Where the jobs' numbers and the sandbox's do not agree."""
        jobs, there = (self.message, self.file), self.there
        ours = sha256(MENU).hexdigest()
        pairs: list[tuple[str, object, object]] = [
            ("messages in real time", sum(j.counts.succeeded for j in jobs), there["messages"]),
            ("of all that were to be sent", sum(j.counts.total for j in jobs), there["messages"]),
            ("most often sent in real time", 1, there["most_per_mid"]),
            ("sessions", 1, there["logins"]),
            ("the file", ours, ", ".join(sorted(self.files))),
        ]
        return [f"{name}: {one} ≠ {other}" for name, one, other in pairs if one != other]


@dataclass(slots=True)
class Studio:
    """An app with a user in whose name a worker signs in."""

    ctx: Context
    address: str
    """Of the sandbox."""
    folder: Path
    token: Secret = field(default_factory=lambda: Secret(token_hex(24)))

    @classmethod
    def build(cls, ctx: Context, address: str, folder: Path) -> Studio:
        """Raises Unreachable if the sandbox does not answer."""
        studio = cls(ctx, address, folder)
        settings = AppSettings(f"{address}/backend/", senders=(SENDER,))
        ctx.fleet.add_app(LIVE, settings, ctx.seal_token(LIVE, studio.token))
        tell_sandbox_all(address, [{"token": studio.token.reveal()}])
        return studio

    def play(self) -> Signed:
        """A message to everybody by name, then a file to three of them."""
        from producers.cli.broadcast_create import create
        from producers.cli.realtime import realtime
        from producers.cli.users import users

        names = [(f"guest{n:02}@example.com", f"Guest {n}") for n in range(PEOPLE)]
        people, sender = self.folder / "guests.csv", self.folder / "concierge.csv"
        for path, rows in ((people, names), (sender, [(SENDER, "Concierge")])):
            with path.open("w", encoding="utf-8", newline="") as out:
                csv.writer(out).writerows([("address", "name"), *rows])
            typed(self.ctx, users, "import", str(path), "--app", LIVE)
        menu = self.folder / "menu.txt"
        menu.write_bytes(MENU)
        message = typed(
            *(self.ctx, create, "--app", LIVE, "--from", SENDER, "--message", TEXT),
            *("--to-users", str(people), "--via", "realtime"),
        )
        three = ",".join(address for address, _ in names[:3])
        given = ("--app", LIVE, "--as", SENDER, "--to", three, "--file", str(menu))
        file = typed(self.ctx, realtime, "send", *given)
        return Signed(message, file, realtime_book(self.address, self.token))


def tell(signed: Signed) -> list[str]:
    """The lines for a newcomer."""
    said = signed.to_dict()
    there = said["sandbox"]
    return [
        f"In real time, through a session of {SENDER} that a worker kept:",
        f"  {said['counts']['succeeded']:>6,} people were sent a message by name",
        f"  {said['file']['counts']['succeeded']:>6,} were sent a file, byte for byte",
        f"  {there['messages']:>6,} is what the sandbox was sent, in {there['logins']} session; "
        "mesibo's own package was not used",
        "",
    ]
