"""Makes demo/shop known to both sides: to the sandbox its token, to us its address."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from secrets import token_hex

import requests

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
    except (requests.RequestException, Unreachable):
        return False
    return True


def tell_sandbox(address: str, token: Secret) -> None:
    """Let the sandbox accept this app token."""
    body = json.dumps({"token": token.reveal(), "edition": "cloud", "rate": None}).encode()
    with requests.post(f"{address}/_sandbox/apps", data=body, timeout=10) as answer:
        answer.raise_for_status()


def _known_token(ctx: Context) -> Secret | None:
    try:
        return Secret(ctx.box.open(ctx.fleet.token_box(APP), APP).decode())
    except NotFound:
        return None
