"""`bulkhead status`: what the whole site does now."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from bulkhead import __version__
from bulkhead.errors import BulkheadError, Unreachable
from bulkhead.masking import mask_url
from producers.cli.context import Context, pass_context
from producers.cli.held_up import held_up
from producers.cli.output import chosen, output_option, plain, show_one
from producers.cli.realtime_status import packages
from producers.cli.workers import WORKERS, worker_row

if TYPE_CHECKING:
    from bulkhead.engine.overview import Overview

REFRESH = 1.0
"""Seconds between two looks of `--watch`."""
APPS = ("app", "state", "since", "why", "next_try", "next")
SEEN = ("word", "class", "app", "count", "last_seen", "op")


@click.command()
@click.option("--watch", is_flag=True, help="Look again each second until Ctrl-C.")
@output_option
@pass_context
def status(ctx: Context, /, watch: bool, form: str | None) -> None:
    """Show the store, workers, open jobs, and apps that are held up."""
    form = chosen(form)
    if watch:
        _watch(ctx, form)
    elif form == "table":
        click.echo(_picture(_look(ctx)))
    else:
        show_one(_look(ctx), form)


def _overview(ctx: Context) -> Overview:
    from bulkhead.engine.overview import Overview

    return Overview(ctx.scripts)


def _look(ctx: Context) -> dict[str, Any]:
    from producers.cli.words import row

    now = _overview(ctx).read(newest=0)
    open_jobs = Counter(job.state.value for job in now.jobs if not job.state.terminal)
    return {
        "version": __version__,
        "store": {
            "url": mask_url(ctx.site.store_url),
            "server": now.store.server,
            "version": now.store.version,
            "memory_used": now.store.memory_used,
            "memory_max": now.store.memory_max or None,
        },
        "realtime_packages": packages(ctx),
        "workers": [worker_row(worker) for worker in now.workers],
        "apps": len(now.apps),
        "apps_held_up": [held_up(app) for app in now.apps if app.state != "active"],
        "open_jobs": dict(sorted(open_jobs.items())),
        "leases": now.leases,
        "waiting": now.waiting,
        "oldest_due": now.oldest or None,
        "oldest_due_s": round(now.oldest_due, 3),
        "dead_submissions": now.dead,
        "unlisted_words": [row(seen) for seen in now.unlisted],
    }


def _watch(ctx: Context, form: str) -> None:
    if form != "table" or not sys.stdout.isatty():
        for seen, lost in _looks(ctx):
            if lost is None:
                click.echo(json.dumps(seen, ensure_ascii=False))
                sys.stdout.flush()
        return
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False) as live:
        for seen, lost in _looks(ctx):
            note = f"\n\n{lost.what}; this is what was seen last" if lost else ""
            live.update(Text(_picture(seen) + note), refresh=True)


def _looks(ctx: Context) -> Iterator[tuple[dict[str, Any], BulkheadError | None]]:
    """One look a second, for ever; a store that goes away later is waited for."""
    seen, lost = _look(ctx), None
    while True:
        yield seen, lost
        time.sleep(REFRESH)
        try:
            seen, lost = _look(ctx), None
        except Unreachable as error:
            lost = error


def _picture(seen: Mapping[str, Any]) -> str:
    store, jobs = seen["store"], seen["open_jobs"]
    limit = f" of {_mebibytes(store['memory_max'])}" if store["memory_max"] else ", no limit"
    said = ", ".join(f"{count} {state}" for state, count in jobs.items()) or "none"
    late = f", {seen['oldest_due']} due for {seen['oldest_due_s']} s" if seen["oldest_due"] else ""
    lines = [
        f"bulkhead {seen['version']}",
        f"store     {store['url']}  {store['server']} {store['version']}, "
        f"{_mebibytes(store['memory_used'])}{limit}",
        f"jobs      {said}",
        f"work      {seen['leases']} leases, {seen['waiting']} waiting{late}",
        f"apps      {seen['apps']}, {len(seen['apps_held_up'])} held up",
        f"refused   {seen['dead_submissions']} dead submissions, "
        f"{len(seen['unlisted_words'])} unlisted words",
        f"workers   {sum(worker['live'] for worker in seen['workers'])} live",
    ]
    looked = (one for one in seen["realtime_packages"] if one["package"])
    lines += sorted({f"realtime  {one['said']}" for one in looked})
    if seen["workers"]:
        lines += ["", *_table(seen["workers"], WORKERS)]
    if seen["apps_held_up"]:
        lines += ["", *_table(seen["apps_held_up"], APPS)]
    if seen["unlisted_words"]:
        lines += ["", *_table(seen["unlisted_words"], SEEN)]
    return "\n".join(lines)


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> list[str]:
    from producers.cli.table import table

    cells = [[plain(row.get(column)) for column in columns] for row in rows]
    return list(table(cells, [column.replace("_", " ") for column in columns], None))


def _mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"
