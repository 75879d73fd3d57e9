"""PLAN.yaml: several credentials for several apps in one rotation, read strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

from yaml.nodes import MappingNode, Node, SequenceNode

from bulkhead.backend.push_options import PushOptions
from bulkhead.errors import InvalidInput
from bulkhead.fleet_file.nodes import at, elements, is_nothing, known_members, members, text, tree
from bulkhead.fleet_file.settings import truth
from bulkhead.model.app import parse_duration
from bulkhead.model.rotation import VERIFICATIONS
from bulkhead.model.waves import wave_ends

LONGEST_PATH = 1000
"""Characters; a private key in one line has some 1,600, and slashes in it like a path."""

LARGEST = 1 << 20
"""Bytes of a plan; one for thousands of apps has some ten thousand."""

GUIDE = "docs/reference/rotation-plan.md shows a whole plan"
ENTRY = ("apps", "fcm", "apn", "test_user", "options")
Kind = Literal["fcm", "apn"]
KINDS: tuple[Kind, ...] = ("fcm", "apn")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Entry:
    """One credential, and the apps that are to have it."""

    apps: str
    """A selector, as `rotating.chosen` reads it."""
    kind: Kind
    file: str
    """Its path, from where the program runs."""
    test_user: str | None = None
    options: Mapping[str, bool] = field(default_factory=dict)
    where: str = ""
    """The plan and the line, for what is found wrong with it later."""

    def located(self, error: InvalidInput) -> InvalidInput:
        """The same problem, said with the place in the plan."""
        if not self.where:
            return error
        return InvalidInput(f"{self.where}: {error.what}", why=error.why, to_do=error.to_do)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rotation does; None where the plan says nothing of it."""

    entries: tuple[Entry, ...]
    waves: str | None = None
    soak: float | None = None
    """Seconds."""
    verify: str | None = None
    verify_within: float | None = None
    """Seconds."""
    test_user: str | None = None
    auto_rollback: bool = False
    allow_project_change: bool = False
    options: Mapping[str, bool] = field(default_factory=dict)


def read_plan(content: bytes, name: str, folder: Path) -> Plan:
    """The plan that a file describes; paths in it begin at `folder`.

    Raises InvalidInput that names the file, the line and, for a mistyped name, the nearest one. It
    repeats nothing of what might be a secret that was pasted into the wrong place.
    """
    try:
        return _read(_root(content), name, folder)
    except InvalidInput as error:
        raise InvalidInput(f"{name}, {error.what}", why=error.why, to_do=error.to_do) from None


def _root(content: bytes) -> Node:
    if len(content) > LARGEST:
        raise InvalidInput(
            "line 1: the file is too large for a plan",
            why=f"it has more than {LARGEST:,} bytes; the rest was not read",
            to_do="choose apps by label, or by names with *",
        )
    try:
        root = tree(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidInput(
            "line 1: the file is no plan",
            why="it is not UTF-8 text",
            to_do="a credential is given with --fcm FILE or --apn FILE, or named in a plan",
        ) from None
    if root is None or is_nothing(root):
        raise InvalidInput(
            "line 1: the file is empty",
            why="nothing in it names an app",
            to_do=f"begin with `apps:`; {GUIDE}",
        )
    return root


def _read(root: Node, name: str, folder: Path) -> Plan:
    _refuse_credential(root)
    parts = known_members(root, "the plan", (*READ, "apps"), GUIDE)
    given = {part: READ[part](node) for part, node in parts.items() if part in READ}
    given.pop("version", None)
    nodes = elements(parts["apps"], "apps") if "apps" in parts else []
    if not nodes:
        with at(root):
            raise InvalidInput(
                "the plan has no apps",
                why="nothing says which credential is for whom",
                to_do=f"list them under `apps:`; {GUIDE}",
            )
    return Plan(tuple(_entry(node, name, folder) for node in nodes), **given)


def _refuse_credential(root: Node) -> None:
    if isinstance(root, MappingNode) and {"private_key", "client_email", "project_info"} & {
        str(key.value) for key, _ in root.value
    }:
        raise InvalidInput(
            "line 1: the file is no plan",
            why="it looks like a credential itself, or like an app's configuration",
            to_do="give a credential with --apps SELECTOR --fcm FILE, or name it in a plan",
        )


def _entry(node: Node, name: str, folder: Path) -> Entry:
    parts = known_members(node, "an entry of apps", ENTRY, GUIDE)
    with at(node):
        if "apps" not in parts:
            raise InvalidInput(
                "an entry has no apps",
                why="nothing says who is to have its credential",
                to_do="add apps: and labels (env=prod) or names (acme/*)",
            )
        named = [kind for kind in KINDS if kind in parts]
        if len(named) != 1:
            raise InvalidInput(
                "an entry names two credentials" if named else "an entry names no credential",
                why="each gives one credential to its apps",
                to_do="give it either fcm: FILE or apn: FILE",
            )
    return Entry(
        apps=_selector(parts["apps"]),
        kind=named[0],
        file=_path(parts[named[0]], named[0], folder),
        test_user=_worded(parts["test_user"], "test_user") if "test_user" in parts else None,
        options=_options(parts["options"]) if "options" in parts else {},
        where=f"{name}, line {node.start_mark.line + 1}",
    )


def _selector(node: Node) -> str:
    """Words as the command line has them, a list of those, or a mapping of labels."""
    if isinstance(node, MappingNode):
        labels = members(node, "apps")
        return ",".join(f"{label}={text(value, label)}" for label, (_, value) in labels.items())
    if isinstance(node, SequenceNode):
        return ",".join(text(each, "apps") for each in node.value)
    return _worded(node, "apps")


def _path(node: Node, what: str, folder: Path) -> str:
    written = _worded(node, what)
    odd = written.startswith("{") or any(not sign.isprintable() for sign in written)
    if odd or len(written) > LONGEST_PATH:
        with at(node):
            raise InvalidInput(
                f"{what} is no path",
                why="it must name a file, and holds something else; it is not repeated here",
                to_do="write the credential into a file of its own, and name that",
            )
    # Made absolute: a file of the name `-` is not the standard input.
    return str((folder / Path(written).expanduser()).absolute())


def _worded(node: Node, what: str) -> str:
    written = text(node, what).strip()
    if not written or is_nothing(node):
        with at(node):
            raise InvalidInput(
                f"{what} is empty", why="a value must stand there", to_do="write it, or take it out"
            )
    return written


def _version(node: Node) -> None:
    if text(node, "version") != "1":
        with at(node):
            raise InvalidInput(
                "the plan has another version",
                why="this program reads version 1",
                to_do="write version: 1, or use the program that the plan was written for",
            )


def _waves(node: Node) -> str:
    listed = isinstance(node, SequenceNode)
    parts = [text(each, "waves") for each in node.value] if listed else [text(node, "waves")]
    with at(node):
        wave_ends(",".join(parts), 1)
    return ",".join(parts)


def _verify(node: Node) -> str:
    written = text(node, "verify")
    if written in VERIFICATIONS:
        return written
    near = get_close_matches(written, VERIFICATIONS, n=1)
    with at(node):
        raise InvalidInput(
            "verify names nothing that proves a credential",
            why=f"it is one of {', '.join(VERIFICATIONS)}",
            to_do=f"did you mean {near[0]}?" if near else "correct the value",
        )


def _options(node: Node) -> dict[str, bool]:
    nodes = known_members(node, "options", PushOptions.names(), GUIDE)
    return {name: _lined(truth)(value, name) for name, value in nodes.items()}


def _lined(read: Callable[[Node, str], Value]) -> Callable[[Node, str], Value]:
    def reader(node: Node, what: str) -> Value:
        with at(node):
            return read(node, what)

    return reader


def _seconds(node: Node, what: str) -> float:
    return parse_duration(text(node, what))


READ: Mapping[str, Callable[[Node], Any]] = {
    "version": _version,
    "waves": _waves,
    "soak": lambda node: _lined(_seconds)(node, "soak"),
    "verify": _verify,
    "verify_within": lambda node: _lined(_seconds)(node, "verify_within"),
    "test_user": lambda node: _worded(node, "test_user"),
    "auto_rollback": lambda node: _lined(truth)(node, "auto_rollback"),
    "allow_project_change": lambda node: _lined(truth)(node, "allow_project_change"),
    "options": _options,
}
"""What may stand at the top of a plan, beside its apps."""
