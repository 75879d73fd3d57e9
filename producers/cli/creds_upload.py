"""`bulkhead creds upload` and `creds adopt`: what is in an app's slots, and how it came there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import InvalidInput
from producers.cli.context import Context, pass_context
from producers.cli.creds_file import Loaded, explain, keep, load, load_uploadable
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import Order, carry_out
from producers.cli.output import output_option, show_one

if TYPE_CHECKING:
    from bulkhead.ordering import Options

of_app_option = click.option(
    "--app", required=True, metavar="APP", help="tenant/app, or app with BULKHEAD_TENANT."
)


@click.command("upload")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@of_app_option
@click.option(
    "--type",
    "service",
    type=click.Choice(["fcm", "apn"]),
    help="What the files are for, in place of their extensions.",
)
@click.option("--force", is_flag=True, help="Send also what the record says is done already.")
@job_options
@quote_options
@output_option
@pass_context
def upload(
    ctx: Context,
    /,
    files: tuple[str, ...],
    app: str,
    service: str | None,
    force: bool,
    form: str | None,
    **options: Any,
) -> int:
    """Upload credentials to one app; nothing is sent if one cannot be.

    Each is looked at first, as by `creds inspect`. The files are kept encrypted in the store, where
    a worker takes them; the same file again is not sent unless --force is given. Other slots of
    the app keep what they have.
    """
    from bulkhead.ordering import Options

    loaded = load_uploadable(files)
    _refuse_unfit(loaded, service)
    asked, how = Options(**take_asked(options)), take_how(options)
    opening = _order(ctx, loaded, (app, service, force, how.dry_run), asked)
    return carry_out(ctx, opening, how, form)


@contextmanager
def _order(
    ctx: Context,
    loaded: Sequence[Loaded],
    wanted: tuple[str, str | None, bool, bool],
    options: Options,
) -> Iterator[Order]:
    from bulkhead.pushing import prepare_upload, refuse_too_large, row_of

    app, service, force, dry_run = wanted
    known = ctx.fleet.app(ctx.app_id(app))
    for one in loaded:
        refuse_too_large(known, one.content, one.name)
    rows = [row_of(one.stored, one.name, service) for one in loaded]
    made = prepare_upload(ctx.scripts, rows, app=known.id, force=force, options=options)
    if not dry_run:
        keep(ctx, [known.id], "creds.upload", loaded, options.at)
    yield Order(made.request, made.batches, made.describe)


def _refuse_unfit(loaded: Sequence[Loaded], service: str | None) -> None:
    """Raises InvalidInput for a file of another type than was said, and for two of one slot."""
    slots: dict[str | None, Loaded] = {}
    for one in loaded:
        if service not in (None, one.reading.kind):
            raise InvalidInput(
                f"{one.shown} is not for {service}",
                why=f"its content is a credential of {one.reading.kind}, whatever it is called",
                to_do=f"leave --type away, or give --type {one.reading.kind}",
            )
        other = slots.setdefault(one.reading.slot, one)
        if other is not one:
            raise InvalidInput(
                f"{other.shown} and {one.shown} are for the same slot",
                why=f"both would be the one credential of {one.reading.slot}",
                to_do="name the one that the app is to have",
            )


@click.command("adopt")
@click.argument("file", metavar="FILE")
@of_app_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
@pass_context
def adopt(ctx: Context, /, file: str, app: str, yes: bool, form: str | None) -> None:
    """Note that a file uploaded elsewhere is in an app; send nothing.

    It is kept encrypted, so that a later credential can be taken back to it.
    """
    from bulkhead.engine.push_record import PushRecord

    name = ctx.fleet.app(ctx.app_id(app)).id
    (loaded,) = load([file])
    explain(loaded.to_dict(), err=True)
    if loaded.reading.slot is None or loaded.reading.fingerprint is None:
        codes = ", ".join(problem.code for problem in loaded.reading.problems)
        raise InvalidInput(
            f"nothing says which credential {loaded.shown} is",
            why=f"{codes}: see above",
            to_do="name the file that was uploaded",
        )
    record, kept = PushRecord(ctx.scripts), loaded.stored
    held = record.slots(name).get(kept.slot)
    certain = held is not None and kept.slot not in record.doubts(name)
    if not certain or held is None or held.credential != kept.id:
        if held is not None and held.credential != kept.id:
            said = f"by our record {kept.slot} of {name} holds {held.fingerprint}, since"
            ctx.confirm(f"{said} {held.to_dict()['at']}. Note the other file instead?", yes)
        keep(ctx, [name], "creds.adopt", [loaded])
        record.book(name, kept.in_slot("adopt"))
    show_one({"app": name, **record.slots(name)[kept.slot].to_dict()}, form)
