"""The ways an answer can go wrong, and the members each of them reads from a rule."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox import word
from sandbox.fields import Fields
from sandbox.wire import Action, Hangup, Reply, Silence, json_reply

LONGEST_S = 3_600
LONGEST_MS = LONGEST_S * 1_000
MOST_BYTES = 1 << 30
NINETY_NINTH = 2.3263  # standard deviations from a normal distribution's median to its p99

HTML = b"<!doctype html><html><head><title>502</title></head><body>Bad gateway</body></html>\n"

Members = dict[str, Any]
Spoil = Callable[[Members], Action]


@dataclass(frozen=True, slots=True)
class Fault:
    """Spoils the answer; the operation is carried out first only if it `commits`."""

    kind: str
    commits: bool
    spoil: Spoil


@dataclass(frozen=True, slots=True)
class Latency:
    """Delays the answer, by about `median_s`, and one in a hundred by `p99_s` or more."""

    median_s: float
    p99_s: float

    def draw(self, random: Random) -> float:
        """The next delay in seconds; always the median if both figures are the same."""
        if self.p99_s <= self.median_s:
            return self.median_s
        spread = math.log(self.p99_s / self.median_s) / NINETY_NINTH
        return self.median_s * math.exp(random.gauss(0.0, spread))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault; with `choice`, a rule's `commit` may override the default."""

    read: Callable[[Fields], Spoil]
    commits: bool = False
    choice: bool = False


def read_fault(name: str, fields: Fields) -> Fault | Latency:
    """What the rule does; raises InvalidField."""
    if name == "latency":
        return _latency(fields)
    kind = KINDS.get(name)
    if kind is None:
        raise fields.wrong("fault", " | ".join(["latency", *KINDS]))
    chosen = fields.flag("commit") if kind.choice else None
    return Fault(name, kind.commits if chosen is None else chosen, kind.read(fields))


def _latency(fields: Fields) -> Latency:
    fixed = fields.number("ms", 0, LONGEST_MS)
    median = fields.number("median_ms", 0.001, LONGEST_MS)
    p99 = fields.number("p99_ms", 0.001, LONGEST_MS)
    if fixed is not None and median is None and p99 is None:
        return Latency(fixed / 1_000, fixed / 1_000)
    if fixed is None and median is not None and p99 is not None and p99 >= median:
        return Latency(median / 1_000, p99 / 1_000)
    raise fields.wrong("ms", "either ms, or median_ms with a p99_ms not below it")


def _throttle(fields: Fields) -> Spoil:
    status = fields.whole("status", 400, 599) or 429
    wait = fields.number("retry_after", 0, LONGEST_S)
    error = fields.text("word")
    headers = () if wait is None else (("Retry-After", f"{math.ceil(wait)}"),)

    def spoil(members: Members) -> Action:
        document = {**_envelope(members), "result": False, "error": error or word.RATELIMIT}
        body = json_reply(document).body
        return Reply(200 if error else status, body, headers=headers)

    return spoil


def _error5xx(fields: Fields) -> Spoil:
    status = fields.whole("status", 500, 599) or 500

    def spoil(members: Members) -> Action:
        document = {**_envelope(members), "result": False, "error": word.SERVERFAIL}
        return json_reply(document, status)

    return spoil


def _html(fields: Fields) -> Spoil:
    status = fields.whole("status", 200, 599) or 200
    return lambda members: Reply(status, HTML, "text/html")


def _cut_json(fields: Fields) -> Spoil:
    midway = fields.flag("midway")

    def spoil(members: Members) -> Action:
        body = json_reply(members).body
        half = len(body) // 2
        return Reply(200, body, cut=half) if midway else Reply(200, body[:half])

    return spoil


def _hang(fields: Fields) -> Spoil:
    seconds = fields.number("s", 0, LONGEST_S)
    return lambda members: Silence(60.0 if seconds is None else seconds)


def _slow_body(fields: Fields) -> Spoil:
    pace = fields.number("ms", 0.1, LONGEST_MS)
    byte_s = (100.0 if pace is None else pace) / 1_000
    return lambda members: Reply(200, json_reply(members).body, byte_s=byte_s)


def _word(fields: Fields) -> Spoil:
    error = fields.text("error")
    if error is None:
        raise fields.wrong("error", "the word to answer with")
    return lambda members: json_reply({**_envelope(members), "result": False, "error": error})


def _redirect(fields: Fields) -> Spoil:
    location = fields.header_text("location")
    status = fields.whole("status", 300, 399) or 302
    if location is None:
        raise fields.wrong("location", "the address to send the client to")
    return lambda members: Reply(status, b"", headers=(("Location", location),))


def _big_body(fields: Fields) -> Spoil:
    size = fields.whole("bytes", 1, MOST_BYTES) or 100_000_000

    def spoil(members: Members) -> Action:
        return Reply(200, json_reply({**members, "padding": ""}).body, padding=size)

    return spoil


def _reset(fields: Fields) -> Spoil:
    return lambda members: Hangup(reset=True)


def _drop(fields: Fields) -> Spoil:
    return lambda members: Hangup(reset=False)


def _result_one(fields: Fields) -> Spoil:
    return lambda members: json_reply(_old_style(members))


def _empty(fields: Fields) -> Spoil:
    return lambda members: Reply(200, b"")


def _no_content(fields: Fields) -> Spoil:
    return lambda members: Reply(204, b"")


KINDS: dict[str, Kind] = {
    "throttle": Kind(_throttle),
    "error5xx": Kind(_error5xx, choice=True),
    "html": Kind(_html, choice=True),
    "cut_json": Kind(_cut_json, commits=True, choice=True),
    "drop_after_commit": Kind(_drop, commits=True),
    "hang": Kind(_hang, choice=True),
    "reset": Kind(_reset, choice=True),
    "slow_body": Kind(_slow_body, commits=True),
    "word": Kind(_word),
    "result_one": Kind(_result_one, commits=True),
    "empty": Kind(_empty, choice=True),
    "no_content": Kind(_no_content, choice=True),
    "redirect": Kind(_redirect, choice=True),
    "big_body": Kind(_big_body, commits=True),
}
# The client still gets a whole and true answer, so the outcome on record is the operation's own.
HARMLESS = frozenset({"slow_body", "result_one", "big_body"})


def _envelope(members: Members) -> Members:
    return {name: members[name] for name in ("op", "id") if name in members}


def _old_style(value: Any) -> Any:
    """As old mesibo answers had it: `result` 1, every other number a text."""
    match value:
        case dict():
            styled = {name: _old_style(inner) for name, inner in value.items()}
            if isinstance(value.get("result"), bool):
                styled["result"] = int(value["result"])
            return styled
        case list():
            return [_old_style(inner) for inner in value]
        case bool():
            return int(value)
        case int() | float():
            return json.dumps(value)
    return value
