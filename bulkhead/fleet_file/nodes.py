"""YAML as it was written: every key with its line, none twice, none that nobody reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bulkhead.errors import InvalidInput

FLEET_GUIDE = "docs/how-to/run-a-fleet.md shows a whole file"


class _Located(InvalidInput):
    """A problem that names its line already."""


def tree(text: str) -> Node | None:
    """The file's root; None for an empty file. Raises InvalidInput with the line."""
    try:
        root: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise InvalidInput(
            f"{where}it is not YAML",
            why=getattr(error, "problem", None) or "it could not be read",
            to_do="correct the line; indent with spaces, and put a colon and a space after a name",
        ) from None
    return root


@contextmanager
def at(node: Node) -> Iterator[None]:
    """What is wrong in here is said with the node's line."""
    try:
        yield
    except _Located:
        raise
    except InvalidInput as error:
        line = node.start_mark.line + 1
        raise _Located(f"line {line}: {error.what}", why=error.why, to_do=error.to_do) from None


def members(node: Node, what: str) -> dict[str, tuple[Node, Node]]:
    """The members of a mapping, in order: name → (the name's node, the value's node)."""
    if is_nothing(node):
        return {}
    if not isinstance(node, MappingNode):
        with at(node):
            raise InvalidInput(
                f"{what} is not a mapping",
                why="it must be names, each with a colon and its value",
                to_do="indent its members below it, one a line",
            )
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        name = text(key, f"a name in {what}")
        if name in found:
            with at(key):
                first = found[name][0].start_mark.line + 1
                raise InvalidInput(
                    f"{name} stands twice in {what}",
                    why=f"it stood in line {first} before",
                    to_do="keep one of the two",
                )
        found[name] = (key, value)
    return found


def known_members(
    node: Node, what: str, known: Collection[str], guide: str = FLEET_GUIDE
) -> Mapping[str, Node]:
    """The same where only these names may stand; a dash in a name counts as an underscore."""
    found: dict[str, Node] = {}
    for name, (key, value) in members(node, what).items():
        ours = name.replace("-", "_")
        if ours not in known:
            near = get_close_matches(ours, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"take {name} out"
            with at(key):
                raise InvalidInput(
                    f"{what} has no {name}",
                    why=f"it may have {', '.join(known)}",
                    to_do=f"{hint} {guide}",
                )
        found[ours] = value
    return found


def elements(node: Node, what: str) -> list[Node]:
    """The elements of a list. Raises InvalidInput."""
    if is_nothing(node):
        return []
    if isinstance(node, SequenceNode):
        return list(node.value)
    with at(node):
        raise InvalidInput(
            f"{what} is not a list",
            why="it must be values with a dash before each, or in brackets",
            to_do=f"write it like {what}: [one, two]",
        )


def text(node: Node, what: str) -> str:
    """A single value as it was written. Raises InvalidInput."""
    if isinstance(node, ScalarNode):
        return str(node.value)
    with at(node):
        raise InvalidInput(
            f"{what} is not a single value",
            why="a list or a mapping stands there",
            to_do="write one value after the colon",
        )


def is_nothing(node: Node) -> bool:
    """True where nothing was written after the colon, or `null`."""
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"
