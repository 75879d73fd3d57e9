"""Rules that say which requests go wrong, and the one place that picks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from sandbox.app import masked
from sandbox.call import Call
from sandbox.fields import Fields, InvalidField
from sandbox.spoil import Fault, Latency, read_fault

MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Selector:
    """Which requests a rule is about; an unset member matches all."""

    token: str | None = field(default=None, repr=False)
    op: str | None = None
    key: str | None = None

    def matches(self, call: Call) -> bool:
        """True for a request the rule is about."""
        return (
            self.token in (None, call.token)
            and self.op in (None, call.op)
            and self.key in (None, call.key)
        )


@dataclass(frozen=True, slots=True)
class Cadence:
    """Which of the matching requests are hit: after the first `after`, at most `times`."""

    after: int = 0
    every: int | None = None
    probability: float | None = None
    times: int | None = None
    for_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes wrong with whom, how often; `source` is the rule as given, token masked."""

    fault: Fault | Latency
    selector: Selector
    cadence: Cadence
    source: dict[str, Any]


class Armed:
    """A rule at work; draws from its own randomness, so other rules do not disturb it."""

    def __init__(self, rule: Rule, random: Random, at: float) -> None:
        self.rule = rule
        self.random = random
        self.matched = 0
        self.fired = 0
        self._armed_at = at

    def fires(self, call: Call, now: float) -> bool:
        """Whether this request is hit; counts it if the rule is about it."""
        cadence = self.rule.cadence
        if not self.rule.selector.matches(call):
            return False
        if cadence.for_s is not None and now - self._armed_at > cadence.for_s:
            return False
        self.matched += 1
        hit = self._hits(cadence, self.matched - cadence.after)
        self.fired += hit
        return hit

    def _hits(self, cadence: Cadence, nth: int) -> bool:
        if nth < 1 or (cadence.times is not None and self.fired >= cadence.times):
            return False
        if cadence.every is not None:
            return nth % cadence.every == 0
        return cadence.probability is None or self.random.random() < cadence.probability


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong with one request: a delay in seconds, and at most one fault."""

    delay_s: float = 0.0
    fault: Fault | None = None


NO_TROUBLE = Trouble()


class Faults:
    """The rules in force; the same seed, rules and requests give the same faults."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._armed: list[Armed] = []

    def arm(self, rules: list[Rule], now: float) -> None:
        """Put these rules in place of all others, their counts and randomness fresh."""
        self._armed = [
            Armed(rule, Random(f"{self._seed}:{at}"), now)  # noqa: S311 - made to be replayed
            for at, rule in enumerate(rules)
        ]

    def choose(self, call: Call, now: float) -> Trouble:
        """Delays add up; of the other rules the first that fires is taken."""
        if not self._armed:
            return NO_TROUBLE
        delay_s, chosen = 0.0, None
        for armed in self._armed:
            fault = armed.rule.fault
            if isinstance(fault, Latency):
                if armed.fires(call, now):
                    delay_s += fault.draw(armed.random)
            elif chosen is None and armed.fires(call, now):
                chosen = fault
        return Trouble(delay_s, chosen)

    def describe(self) -> list[dict[str, Any]]:
        """The rules as given, tokens masked, with how many requests each met and hit."""
        return [
            {**armed.rule.source, "matched": armed.matched, "fired": armed.fired}
            for armed in self._armed
        ]


def read_rules(document: object) -> list[Rule]:
    """The rules in a JSON list, or in one object alone; raises InvalidField."""
    entries = document if isinstance(document, list) else [document]
    return [_rule(entry, f"rules[{at}]") for at, entry in enumerate(entries)]


def _rule(entry: object, where: str) -> Rule:
    fields = Fields(entry, where)
    source = fields.source
    name = fields.text("fault")
    selector = Selector(fields.text("token"), fields.text("op"), fields.text("key"))
    cadence = _cadence(fields)
    fault = read_fault(name or "", fields)
    fields.finish()
    if selector.token is not None:
        source["token"] = masked(selector.token)
    return Rule(fault, selector, cadence, source)


def _cadence(fields: Fields) -> Cadence:
    cadence = Cadence(
        after=fields.whole("after", 0, MOST) or 0,
        every=fields.whole("every", 1, MOST),
        probability=fields.number("probability", 0, 1),
        times=fields.whole("times", 1, MOST),
        for_s=fields.number("for_s", 0, MOST),
    )
    if cadence.every is not None and cadence.probability is not None:
        raise InvalidField(str(fields.wrong("every", "no probability beside it")))
    return cadence
