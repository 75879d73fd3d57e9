"""A whole fleet file: defaults, cells, tenants and apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from yaml.nodes import MappingNode, Node, SequenceNode

from bulkhead.engine.cabinet import endpoint
from bulkhead.errors import InvalidInput
from bulkhead.fleet_file.nodes import at, elements, is_nothing, known_members, members, text, tree
from bulkhead.fleet_file.settings import SETTINGS, read_settings, weight
from bulkhead.model.app import MOST_ADDRESSES, AppSettings, checked_name, split_app
from bulkhead.model.fleet import WantedApp, WantedFleet
from bulkhead.secrets import Secret

PARTS = ("defaults", "cells", "tenants", "apps")
TOKENS = ("token_env", "token_file")


class TokenReader(Protocol):
    """Fetches a token from where the file says it is. Raises InvalidInput."""

    def __call__(self, *, token_env: str | None, token_file: str | None) -> Secret | None: ...


def read_fleet(content: str, name: str, read_token: TokenReader) -> WantedFleet:
    """The fleet that a file describes.

    Raises InvalidInput that names the file, the line and, for a mistyped name, the nearest one.
    """
    try:
        return _Document(read_token).read(tree(content))
    except InvalidInput as error:
        raise InvalidInput(f"{name}, {error.what}", why=error.why, to_do=error.to_do) from None


class _Document:
    def __init__(self, read_token: TokenReader) -> None:
        self._read_token = read_token
        self._defaults: dict[str, Any] = {}
        self._tenants: dict[str, float | None] = {}
        self._apps: dict[str, WantedApp] = {}
        self._lines: dict[str, int] = {}
        self._cells: dict[str, tuple[str, ...]] = {}

    def read(self, root: Node | None) -> WantedFleet:
        if root is None or is_nothing(root):
            raise InvalidInput(
                "line 1: the file is empty",
                why="nothing in it names an app",
                to_do="begin with `apps:`; docs/how-to/run-a-fleet.md shows a whole file",
            )
        parts = known_members(root, "the file", PARTS)
        if "defaults" in parts:
            nodes = known_members(parts["defaults"], "defaults", tuple(SETTINGS))
            self._defaults = read_settings(nodes, {})
        if "cells" in parts:
            self._read_cells(parts["cells"])
        if "tenants" in parts:
            self._read_tenants(parts["tenants"])
        if "apps" in parts:
            self._read_apps(parts["apps"], None)
        return WantedFleet(tuple(self._apps.values()), self._tenants, self._cells)

    def _read_cells(self, node: Node) -> None:
        for name, (key, value) in members(node, "cells").items():
            given = known_members(value, f"cell {name}", ("egress",))
            with at(key):
                checked_name(name, "cell")
            addresses = elements(given["egress"], "egress") if "egress" in given else []
            named = tuple(dict.fromkeys(text(each, "egress") for each in addresses))
            if len(named) > MOST_ADDRESSES:
                with at(value):
                    raise InvalidInput(
                        f"cell {name} calls from {len(named)} public addresses",
                        why=f"mesibo disables an app that is called from more than "
                        f"{MOST_ADDRESSES}",
                        to_do="make two cells of it",
                    )
            self._cells[name] = named

    def _read_tenants(self, node: Node) -> None:
        for name, key, value in _entries(node, "tenants", "tenant"):
            with at(key):
                checked_name(name)
            given = known_members(value, f"tenant {name}", ("weight", "apps"))
            self._tenants[name] = weight(given["weight"], "weight") if "weight" in given else None
            if "apps" in given:
                self._read_apps(given["apps"], name)

    def _read_apps(self, node: Node, tenant: str | None) -> None:
        for name, key, value in _entries(node, "apps", "app"):
            with at(key):
                app = "/".join(split_app(name, tenant))
                self._refuse_another(app, tenant, key)
            with at(value if isinstance(value, MappingNode) else key):
                self._apps[app] = self._app(app, value)
            self._tenants.setdefault(app.split("/")[0], None)

    def _refuse_another(self, app: str, tenant: str | None, key: Node) -> None:
        if tenant and not app.startswith(f"{tenant}/"):
            raise InvalidInput(
                f"{app} stands below tenant {tenant}",
                why="an app belongs to one tenant",
                to_do="move it, or write its name alone",
            )
        if app in self._apps:
            raise InvalidInput(
                f"{app} stands twice in the file",
                why=f"it stood in line {self._lines[app]} before",
                to_do="keep one of the two",
            )
        self._lines[app] = key.start_mark.line + 1

    def _app(self, app: str, node: Node) -> WantedApp:
        nodes = known_members(node, app, (*SETTINGS, *TOKENS))
        given = read_settings(nodes, {"base_url": "", **self._defaults})
        if not given["base_url"]:
            raise InvalidInput(
                f"{app} has no base_url",
                why="neither it nor the defaults say where its backend answers",
                to_do="add base_url: https://api.mesibo.com/backend/ to the defaults",
            )
        settings = AppSettings(**given)
        endpoint(settings)  # refuses a URL that could not be called safely
        if self._cells and settings.cell not in self._cells:
            raise InvalidInput(
                f"{app} is in cell {settings.cell}, which the file does not have",
                why=f"its cells are {', '.join(self._cells)}",
                to_do="correct the cell, or add it under cells",
            )
        return WantedApp(app, settings, self._token(nodes))

    def _token(self, nodes: Mapping[str, Node]) -> Secret | None:
        places = {name: text(nodes[name], name) for name in TOKENS if name in nodes}
        if not places:
            return None
        with at(nodes[next(iter(places))]):
            if len(places) > 1:
                raise InvalidInput(
                    "two places are named for one token",
                    why="token_env and token_file were both given",
                    to_do="keep one of them",
                )
            return self._read_token(
                token_env=places.get("token_env"), token_file=places.get("token_file")
            )


def _entries(node: Node, what: str, one: str) -> Iterator[tuple[str, Node, Node]]:
    """Names with what is said of them, from a mapping, or from a list of names or mappings."""
    if not isinstance(node, SequenceNode):
        yield from ((name, key, value) for name, (key, value) in members(node, what).items())
        return
    for each in node.value:
        if not isinstance(each, MappingNode):
            yield text(each, one), each, _nothing(each)
            continue
        named = [pair for pair in each.value if pair[0].value == one]
        if not named:
            with at(each):
                raise InvalidInput(
                    f"an element of {what} has no {one}",
                    why=f"without it nobody knows which {one} is meant",
                    to_do=f"begin it with - {one}: and a name",
                )
        rest = [pair for pair in each.value if pair[0].value != one]
        key = named[0][1]
        mapping = MappingNode(each.tag, rest, each.start_mark, each.end_mark)
        yield text(key, one), key, mapping


def _nothing(node: Node) -> Node:
    return MappingNode("tag:yaml.org,2002:map", [], node.start_mark, node.end_mark)
