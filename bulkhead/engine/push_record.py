"""Our record of what mesibo was told about push, by app; changes made elsewhere are not in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.model.push import DebugWindow, Doubt, InSlot, Leave, SetOption, Verdict, Wish

DOUBT = "creds:doubt"
"""The hash of an app whose fields are slots that may hold another file than the record says."""
WINDOW = "window"
"""The one field of the hash of debug windows."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The files that a job is about to send to an app."""

    app: str
    job: str
    wishes: Sequence[Wish]

    def to_dict(self) -> dict[str, Any]:
        """As the store is asked."""
        wants = [wish.to_dict() for wish in self.wishes]
        return {"app": self.app, "job": self.job, "wants": wants}


class PushRecord:
    """Credentials by slot, options and debug windows. Raises Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis

    def slots(self, app: str) -> dict[str, InSlot]:
        """What is in each slot of an app."""
        return self.slots_of([app])[app]

    def slots_of(self, apps: Sequence[str]) -> dict[str, dict[str, InSlot]]:
        """The same of many apps; one round trip."""
        return {
            app: {slot: InSlot.of(text) for slot, text in sorted(found.items())}
            for app, found in self._hashes(apps, "creds")
        }

    def doubts(self, app: str) -> dict[str, Doubt]:
        """The slots of which it is not certain what they hold."""
        return self.doubts_of([app])[app]

    def doubts_of(self, apps: Sequence[str]) -> dict[str, dict[str, Doubt]]:
        """The same of many apps; one round trip."""
        return {
            app: {slot: Doubt(**json.loads(text)) for slot, text in found.items()}
            for app, found in self._hashes(apps, DOUBT)
        }

    def claim(self, app: str, job: str, wishes: Sequence[Wish]) -> list[Leave]:
        """Let a job send these files, before it does: no other job has their slots meanwhile.

        What it may send is in doubt until it has told what came of it. Asked again, the same.
        """
        return self.claim_all([Claim(app, job, wishes)])[0] if wishes else []

    def claim_all(self, claims: Sequence[Claim]) -> list[list[Leave]]:
        """The same of many apps and jobs, in one step: all of it is claimed, or nothing."""
        wanted = json.dumps([claim.to_dict() for claim in claims])
        answers = self._scripts.run("credential", "claim", wanted)
        return [[_leave(*leave) for leave in answer] for answer in answers]

    def history(self, app: str, limit: int | None = None) -> list[InSlot]:
        """What was put into its slots, the newest first."""
        name = self._scripts.key("app", app, "creds", "history")
        return [InSlot.of(text) for text in ask(self._redis.lrange, name, 0, (limit or 0) - 1)]

    def book(self, app: str, entry: InSlot) -> bool:
        """Note that a credential is in a slot now, without a job; False without such an app."""
        return bool(self._scripts.run("credential", "book", app, entry.slot, entry.to_json()))

    def options(self, app: str) -> dict[str, SetOption]:
        """The options that were set through us, and as what."""
        return self.options_of([app])[app]

    def options_of(self, apps: Sequence[str]) -> dict[str, dict[str, SetOption]]:
        """The same of many apps; one round trip."""
        return {
            app: {name: _option(json.loads(text)) for name, text in found.items()}
            for app, found in self._hashes(apps, "push_options")
        }

    def debug_window(self, app: str) -> DebugWindow | None:
        """The debug window that was opened last through us."""
        text = ask(self._redis.hget, self._scripts.key("app", app, "push_debug"), WINDOW)
        if text is None:
            return None
        told = json.loads(text)
        return DebugWindow(told["at"] / 1e6, told["duration"], told["sure"], told["job"])

    def _hashes(self, apps: Sequence[str], name: str) -> Iterator[tuple[str, dict[str, str]]]:
        pipe = self._redis.pipeline(transaction=False)
        for app in apps:
            pipe.hgetall(self._scripts.key("app", app, name))
        return zip(apps, map(decoded, ask(pipe.execute)), strict=True)


def _option(told: dict[str, Any]) -> SetOption:
    return SetOption(told["value"], told["job"], told["at"])


def _leave(verdict: bytes, held: bytes, job: bytes) -> Leave:
    said = cast("Verdict", verdict.decode())
    return Leave(said, InSlot.of(held) if held else None, job.decode())
