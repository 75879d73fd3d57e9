"""Commands that only look: version, settings, codes, and whether all is well."""

from __future__ import annotations

import platform
import socket
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import click

from bulkhead import __version__
from bulkhead.errors import BulkheadError
from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_list, show_one

QUICK = 3.0
"""Seconds: a health check that waits longer is itself a bad sign."""


@click.command()
@output_option
def version(form: str | None) -> None:
    """Print the versions of Bulkhead and of what it stands on."""
    show_one(
        {
            "version": __version__,
            "python": platform.python_version(),
            "celery": installed("celery"),
            "redis_client": installed("redis"),
            # Asked of the package's papers: importing it would load its native library.
            "mesibo": installed("mesibo"),
        },
        form,
    )


def installed(package: str) -> str | None:
    """The installed version of a package, without importing it."""
    try:
        return version_of(package)
    except PackageNotFoundError:
        return None


@click.group()
def config() -> None:
    """Settings: what is set, and where it came from."""


@config.command("show")
@output_option
@pass_context
def config_show(ctx: Context, /, form: str | None) -> None:
    """Show each setting, secrets masked, and where it came from."""
    settings = ctx.settings
    rows = [
        {"name": f"BULKHEAD_{line.name.upper()}", "value": line.value, "from": line.origin}
        for line in settings.show()
    ]
    if chosen(form) == "json":
        members = ("value", "from")
        show_one({str(row["name"]): {name: row[name] for name in members} for row in rows}, form)
    else:
        show_list(rows, ("name", "value", "from"), form)
    for warning in settings.warnings:
        click.echo(f"warning: {warning}", err=True)


@click.group()
def errors() -> None:
    """Codes: what each means, and what to do about it."""


@errors.command("list")
@click.option("--words", is_flag=True, help="Only the words that backends refused with.")
@output_option
@pass_context
def errors_list(ctx: Context, /, words: bool, form: str | None) -> None:
    """List every code and its fix, and the backends' words heard so far."""
    from bulkhead.model.code import CODES
    from producers.cli.words import WORDS, heard, print_below

    if words:
        show_list(heard(ctx.scripts), WORDS, form)
        return
    rows = [
        {
            "code": code.name,
            "level": code.level,
            "retryable": code.retryable,
            "meaning": code.meaning,
            "fix": code.fix,
        }
        for code in CODES.values()
    ]
    show_list(rows, ("code", "level", "retryable", "meaning", "fix"), form)
    if chosen(form) == "table":
        print_below(ctx)


@errors.command("map")
@click.argument("word", metavar="WORD=CLASS", required=False)
@click.option("--remove", metavar="WORD", help="Leave this word to our list and guesses again.")
@output_option
@pass_context
def errors_map(ctx: Context, /, word: str | None, remove: str | None, form: str | None) -> None:
    """Say what a backend's word means; alone, list what was said."""
    from producers.cli.words import change, mapped

    if word is not None and remove is not None:
        raise click.UsageError("map a word or remove one, not both")
    if word is None and remove is None:
        show_list(mapped(ctx.scripts), ("word", "class"), form)
    else:
        show_one(change(ctx, word, remove), form)


@click.command()
@click.option("--anywhere", is_flag=True, help="Be content with a live worker on any host.")
@output_option
@pass_context
def health(ctx: Context, /, anywhere: bool, form: str | None) -> None:
    """Exit 0 if the store answers and a worker lives here, else 1 or 11."""
    from bulkhead.engine.connect import connect
    from bulkhead.engine.overview import Overview
    from bulkhead.engine.script import Scripts

    report: dict[str, object] = {
        "ok": False,
        "store": "unreachable",
        "workers": 0,
        "workers_here": 0,
        # In a container its own id: two replicas are two hosts, and one's worker
        # must not vouch for the other's.
        "host": socket.gethostname(),
    }
    try:
        redis = connect(ctx.site.store_url, timeout=QUICK, connect_timeout=QUICK)
        live = [worker for worker in Overview(Scripts(redis)).workers() if worker.live]
    except BulkheadError:
        show_one(report, form)
        raise
    here = [worker for worker in live if worker.host == report["host"]]
    ok = bool(live if anywhere else here)
    report |= {"ok": ok, "store": "ok", "workers": len(live), "workers_here": len(here)}
    show_one(report, form)
    if not ok:
        where = "anywhere" if anywhere else "on this host"
        click.echo(f"no live worker {where}: start `bulkhead worker` or `bulkhead up`", err=True)
        sys.exit(1)
