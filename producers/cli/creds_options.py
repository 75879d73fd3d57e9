"""`bulkhead creds options`: mesibo's seven push options of an app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulkhead.errors import UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import Order, carry_out
from producers.cli.output import chosen, output_option, show_list, show_one

if TYPE_CHECKING:
    from bulkhead.model.push import SetOption
    from bulkhead.ordering import Options
    from bulkhead.pushing import PushOptions

Command = TypeVar("Command", bound=Callable[..., Any])
COLUMNS = ("option", "set", "default", "ios", "at", "job", "note")
NOTE = (
    "mesibo has no operation that reads options back: `set` is what was last set through us, and "
    "was not set elsewhere as far as we know; where it is empty, mesibo's default holds unless "
    "somebody changed it"
)
HELP = {
    "background": "Silent notifications that wake the app.",
    "fallback": "mesibo's fallback.",
    "ratelimit": "Thin out notifications that follow closely.",
    "collapse": "One notification replaces another.",
    "sound": "iOS: a sound; only where background is off.",
    "forceprod": "iOS: always Apple's production service.",
    "iosfcm": "iOS: through FCM, not through APN.",
}


@click.group("options")
def push_options() -> None:
    """Push options: set them, and show what was set."""


def seven_options(command: Command) -> Command:
    """The seven, each on, off or not named."""
    for name, said in reversed(HELP.items()):
        command = click.option(f"--{name}/--no-{name}", default=None, help=said)(command)
    return command


def take_seven(options: dict[str, Any]) -> PushOptions:
    """Takes what `seven_options` added out of a command's options."""
    from bulkhead.pushing import PushOptions

    return PushOptions(**{name: options.pop(name) for name in HELP})


def note_oddities(pairs: Iterable[tuple[PushOptions, Mapping[str, SetOption]]]) -> None:
    """Says on stderr, each thing once, what is odd about these where those were set before."""
    from bulkhead.pushing import PushOptions, oddities

    said: dict[str, None] = {}
    for wanted, known in pairs:
        stood = PushOptions(**{name: one.value for name, one in known.items()})
        said |= dict.fromkeys(warning.message for warning in oddities(wanted, stood))
    for message in said:
        click.echo(f"note: {message}", err=True)


@push_options.command("set")
@click.argument("app")
@seven_options
@job_options
@quote_options
@output_option
@pass_context
def set_(ctx: Context, /, app: str, form: str | None, **options: Any) -> int:
    """Set the push options that are named; the others stay as they are."""
    from bulkhead.ordering import Options

    wanted = take_seven(options)
    if not wanted.given():
        raise UsageProblem(
            "no push option is named",
            why="what is not named is not sent, so there is nothing to send",
            to_do="name one, such as --no-background",
        )
    asked, how = Options(**take_asked(options)), take_how(options)
    return carry_out(ctx, _order(ctx, app, wanted, asked, how.dry_run), how, form)


@contextmanager
def _order(
    ctx: Context, app: str, wanted: PushOptions, options: Options, dry_run: bool
) -> Iterator[Order]:
    from bulkhead.engine.fleet_deeds import of_app
    from bulkhead.engine.push_record import PushRecord
    from bulkhead.pushing import prepare_options

    name = ctx.fleet.app(ctx.app_id(app)).id
    note_oddities([(wanted, PushRecord(ctx.scripts).options(name))])
    made = prepare_options(ctx.scripts, wanted, app=name, options=options)
    if not dry_run:
        ctx.audit("creds.options", **of_app(name), changes=spelled(wanted.given()))
    yield Order(made.request, made.batches, made.describe)


@push_options.command("show")
@click.argument("app")
@output_option
@pass_context
def show(ctx: Context, /, app: str, form: str | None) -> None:
    """Show which options were set through us, and mesibo's defaults."""
    from bulkhead.engine.push_record import PushRecord

    name = ctx.fleet.app(ctx.app_id(app)).id
    rows = _rows(PushRecord(ctx.scripts).options(name))
    if chosen(form) in ("json", "jsonl"):
        show_one({"app": name, "options": rows, "note": NOTE}, form)
        return
    show_list(rows, COLUMNS, form)
    click.echo(f"note: {NOTE}", err=True)


def _rows(known: dict[str, SetOption]) -> list[dict[str, Any]]:
    from bulkhead.model.job import rfc3339
    from bulkhead.pushing import OPTIONS

    return [
        {
            "option": name,
            "set": known[name].value if name in known else None,
            "default": option.default,
            "ios": option.ios,
            "at": rfc3339(known[name].at) if name in known else None,
            "job": known[name].job if name in known else None,
            "note": option.note,
        }
        for name, option in OPTIONS.items()
    ]


def spelled(given: Mapping[str, bool]) -> str:
    """Options in words, for the audit and for a question."""
    return "; ".join(f"{name} {'on' if on else 'off'}" for name, on in given.items())
