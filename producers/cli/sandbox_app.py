"""Makes demo/shop known to both sides: to the sandbox its token, to us its address."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

from bulkhead.errors import Conflict, NotFound, Unreachable
from bulkhead.model.app import AppSettings
from bulkhead.secrets import Secret
from producers.cli.context import Context

TENANT, APP = "demo", "demo/shop"


def register(ctx: Context, address: str, rate: float = 100.0) -> Secret:
    """Register demo/shop with the sandbox at this address; a second time changes nothing else."""
    with suppress(Conflict):  # a run before this one made it
        ctx.fleet.add_tenant(TENANT)
    token = _known_token(ctx) or Secret(token_hex(24))
    tell_sandbox(address, token)
    settings = AppSettings(base_url=f"{address}/backend/", rate=rate, burst=40)
    try:
        before = ctx.fleet.app(APP)
    except NotFound:
        ctx.fleet.add_app(APP, settings, ctx.seal_token(APP, token))
    else:
        ctx.fleet.set_app(APP, replace(before.settings, base_url=settings.base_url))
    return token


def hold(ctx: Context) -> None:
    """No call for demo/shop while its sandbox has ended: a new one would not know the token."""
    with suppress(Conflict, Unreachable):
        ctx.fleet.control("app", APP, "pause", "the sandbox is starting again")


def remind(ctx: Context, address: str) -> bool:
    """True once the sandbox that was started again knows demo/shop, which then goes on."""
    try:
        register(ctx, address)
        ctx.fleet.control("app", APP, "resume")
    except Unreachable:
        return False
    return True


def tell_sandbox(address: str, token: Secret) -> None:
    """Let the sandbox accept this app token. Raises Unreachable."""
    body = json.dumps({"token": token.reveal(), "edition": "cloud", "rate": None}).encode()
    _ask(address, "POST", "/_sandbox/apps", body)


def tell_sandbox_all(address: str, apps: Sequence[Mapping[str, Any]]) -> None:
    """The same for many apps, each as the sandbox's own document. Raises Unreachable."""
    _ask(address, "POST", "/_sandbox/apps", json.dumps(list(apps)).encode())


def pushed(address: str, token: Secret) -> dict[str, Any]:
    """What the sandbox was told about push with this token, without the files themselves."""
    query = urlencode({"token": token.reveal()})
    book: dict[str, Any] = json.loads(_ask(address, "GET", f"/_sandbox/push?{query}"))
    return book


def messages(address: str, token: Secret) -> dict[str, Any]:
    """What the sandbox sent with this token, and how far it says that came. Raises Unreachable."""
    query = urlencode({"token": token.reveal()})
    book: dict[str, Any] = json.loads(_ask(address, "GET", f"/_sandbox/messages?{query}"))
    return book


def realtime_book(address: str, token: Secret) -> dict[str, Any]:
    """What the sandbox was sent in real time by users of this token. Raises Unreachable."""
    query = urlencode({"token": token.reveal()})
    book: dict[str, Any] = json.loads(_ask(address, "GET", f"/_sandbox/realtime?{query}"))
    return book


def received(address: str, token: Secret) -> dict[str, Any]:
    """The totals of what the sandbox received with this token so far. Raises Unreachable."""
    query = urlencode({"token": token.reveal(), "summary": "1"})
    totals: dict[str, Any] = json.loads(_ask(address, "GET", f"/_sandbox/received?{query}"))
    return totals


def _ask(address: str, method: str, path: str, body: bytes | None = None) -> bytes:
    # Python's own client: the one for our calls would hold up every `bulkhead up`.
    with closing(HTTPConnection(address.removeprefix("http://"), timeout=10)) as sandbox:
        try:
            sandbox.request(method, path, body)
            answer = sandbox.getresponse()
            text = answer.read()
        except (OSError, HTTPException) as error:
            raise Unreachable(
                "the sandbox did not answer", why=str(error) or type(error).__name__
            ) from error
    if answer.status >= 400:
        raise Unreachable("the sandbox refused what it was told", why=f"status {answer.status}")
    return text


def _known_token(ctx: Context) -> Secret | None:
    try:
        return Secret(ctx.box.open(ctx.fleet.token_box(APP), APP).decode())
    except NotFound:
        return None
