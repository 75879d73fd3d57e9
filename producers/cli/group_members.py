"""`bulkhead groups members`: people join a group, or leave it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulkhead.errors import UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import Order, carry_out
from producers.cli.output import output_option
from producers.cli.people import app_option
from producers.cli.time_options import time_options
from producers.cli.values import usage

if TYPE_CHECKING:
    from bulkhead.model.members import Verb

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(command: Command) -> Command:
    """What both commands take."""
    command = output_option(quote_options(job_options(time_options(command))))
    command = click.option(
        "--gid", required=True, metavar="N", help="The group: its gid, or its custom_id."
    )(command)
    return click.argument("file", metavar="FILE|-")(app_option(command))


@click.group()
def members() -> None:
    """Members of a group: add, remove."""


@members.command("add")
@_options
@click.option(
    "--permission",
    "permissions",
    metavar="A,B",
    default="",
    help="What they may do: send, recv, pub, sub, list. [as mesibo has it]",
)
@click.option("--admin", metavar="A,B", default="", help="Rights of an admin, such as owner.")
@pass_context
def add(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Make everybody in a file a member of the group, a hundred a call.

    The file has one address a line, or a column `address`. Who cannot be added is found out by
    halving the call that was refused, and stops nobody else.
    """
    rights = {name: _words(options.pop(name)) for name in ("permissions", "admin")}
    return _carry_out(ctx, "add", rights, options, form)


@members.command("remove")
@_options
@pass_context
def remove(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Take everybody in a file out of the group, a hundred a call.

    How a removal is written is not documented: `apps set --remove-members-by` chooses another way.
    """
    return _carry_out(ctx, "remove", {}, options, form)


def _carry_out(
    ctx: Context, verb: Verb, rights: dict[str, Any], options: dict[str, Any], form: str | None
) -> int:
    from bulkhead.membering import Order as Members

    file, gid = options.pop("file"), options.pop("gid")
    if not gid.strip():
        raise UsageProblem(
            "--gid names no group",
            why="it is empty, as a variable of a shell is that was never set",
            to_do="give a gid, or the custom_id that the group was made with",
        )
    with usage():
        asked = Members(ctx.app_id(options.pop("app")), verb, gid, **rights)
    request, how = take_asked(options), take_how(options)
    return carry_out(ctx, _opened(ctx, asked, file, request), how, form)


@contextmanager
def _opened(ctx: Context, asked: Any, file: str, request: dict[str, Any]) -> Iterator[Order]:
    from bulkhead.membering import prepare
    from bulkhead.ordering import Options
    from producers.rows.recipients import open_recipients

    with open_recipients(file, "users") as part, usage():
        made = prepare(ctx.scripts, asked, part, Options(**request))
        yield Order(made.request, made.batches, made.describe, _question(asked))


def _question(asked: Any) -> Callable[[int], str] | None:
    """Who leaves a group is asked about; who joins one can be taken out again."""
    if asked.verb == "add":
        return None

    def ask(count: int) -> str:
        return f"Remove {count:,} {'member' if count == 1 else 'members'} from {asked.gid}?"

    return ask


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in text.split(","))))
