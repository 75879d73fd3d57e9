"""The settings of one app, as a fleet file writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yaml.nodes import Node, ScalarNode

from bulkhead.errors import InvalidInput
from bulkhead.fleet_file.nodes import at, elements, is_nothing, members, text
from bulkhead.model.app import checked_class, parse_duration, parse_rate
from bulkhead.model.sender import checked_senders

Read = Callable[[Node, str], Any]
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_settings(nodes: Mapping[str, Node], before: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of AppSettings: those of `before`, and over them what these nodes say.

    Labels and classes are added to those of `before`. Raises InvalidInput with the line.
    """
    found = dict(before)
    for name, node in nodes.items():
        if name not in SETTINGS or is_nothing(node):
            continue
        with at(node):
            value = SETTINGS[name](node, name)
        found[name] = {**found.get(name, {}), **value} if name in _ADDED else value
    return found


def _word(node: Node, what: str) -> str:
    return text(node, what)


def _parsed(parse: Callable[[str], float]) -> Read:
    return lambda node, what: parse(text(node, what))


def _duration(written: str) -> float:
    seconds = parse_duration(written)
    if seconds <= 0:
        raise _odd(written, "longer than nothing, such as 5s")
    return seconds


def _whole(written: str) -> int:
    if not (written.isascii() and written.isdigit() and 1 <= int(written) <= 1_000_000):
        raise _odd(written, "a whole number from 1 to 1000000")
    return int(written)


def _weight(written: str) -> float:
    try:
        weight = float(written)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= 1000:
        raise _odd(written, "a number above 0 and at most 1000")
    return weight


def truth(node: Node, what: str) -> bool:
    """Yes or no. Raises InvalidInput."""
    written = text(node, what)
    if written.lower() not in _TRUTH:
        raise _odd(written, "true or false")
    return _TRUTH[written.lower()]


def _labels(node: Node, what: str) -> dict[str, str]:
    return {name: text(value, what) for name, (_, value) in members(node, what).items()}


def _classes(node: Node, what: str) -> dict[str, float]:
    found = {}
    for name, (_, value) in members(node, what).items():
        with at(value):
            found[checked_class(name)] = parse_rate(text(value, what))
    return found


def _senders(node: Node, what: str) -> tuple[str, ...] | None:
    if isinstance(node, ScalarNode):
        return checked_senders(node.value.split(","))
    return checked_senders(text(each, what) for each in elements(node, what))


def _odd(written: str, wanted: str) -> InvalidInput:
    return InvalidInput(
        f"{written!r} does not fit", why=f"it must be {wanted}", to_do="correct the value"
    )


def weight(node: Node, what: str) -> float:
    """A share beside others. Raises InvalidInput with the line."""
    with at(node):
        return _weight(text(node, what))


SETTINGS: Mapping[str, Read] = {
    "base_url": _word,
    "rate": _parsed(parse_rate),
    "burst": _parsed(_whole),
    "max_in_flight": _parsed(_whole),
    "weight": _parsed(_weight),
    "edition": _word,
    "cell": _word,
    "connect_timeout": _parsed(_duration),
    "read_timeout": _parsed(_duration),
    "max_attempts": _parsed(_whole),
    "retry_first": _parsed(_duration),
    "retry_longest": _parsed(_duration),
    "give_up_after": _parsed(_duration),
    "ca_file": _word,
    "proxy": _word,
    "allow_http": truth,
    "labels": _labels,
    "classes": _classes,
    "senders": _senders,
    "remove_members_by": _word,
}
"""Every field of AppSettings by its name."""

_ADDED = ("labels", "classes")
