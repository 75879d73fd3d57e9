"""The `bulkhead` command: its groups, and what an error looks like."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from bulkhead.errors import BulkheadError
from producers.cli.context import Context

COMMANDS = {
    "up": "up",
    "demo": "demo",
    "doctor": "doctor",
    "version": "look",
    "status": "status",
    "health": "look",
    "config": "look",
    "worker": "run",
    "api": "run",
    "sandbox": "run",
    "tenants": "tenants",
    "apps": "apps",
    "users": "users",
    "groups": "groups",
    "creds": "creds",
    "broadcast": "broadcast",
    "realtime": "realtime",
    "jobs": "jobs",
    "submissions": "submissions",
    "call": "call",
    "schedules": "schedules",
    "webhooks": "webhooks",
    "workers": "workers",
    "errors": "look",
    "audit": "audit_trail",
}
"""Command → the module that holds it, imported when it is asked for."""


HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Lazy(click.Group):
    """A group that imports a command only to run it or to explain it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(f"producers.cli.{module}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has seen enough. Caught here, because Click would say 1.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0


@click.group(cls=Lazy, context_settings=HELP)
@click.pass_context
def bulkhead(ctx: click.Context) -> None:
    """Bulk provisioning and messaging on mesibo: tenants that cannot sink each other."""
    ctx.obj = ctx.obj or Context()


def main(words: list[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    _have_streams()
    context = Context()
    try:
        code = bulkhead.main(words, prog_name="bulkhead", standalone_mode=False, obj=context)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except (KeyboardInterrupt, Exception) as error:
        code = _failed(error)
        _say_accepted(context)
    sys.exit(code if isinstance(code, int) else 0)


def _have_streams() -> None:
    """What was closed by who started us takes and gives nothing, and breaks no command."""
    # Also because the next file or connection would get its number, and hear what is printed.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def _failed(error: BaseException) -> int:
    """Say what went wrong, and return the exit code."""
    if isinstance(error, click.UsageError):
        return _usage(error)
    if isinstance(error, BulkheadError):
        say(error)
        return error.exit_code
    if isinstance(error, click.Abort) or _interrupted(error):
        return 130
    # The last net: a person sees a sentence, not a stack.
    return _unexpected(error)


def _say_accepted(ctx: Context) -> None:
    """The job that was made all the same, so that nobody sends it again."""
    if ctx.accepted is not None:
        from producers.cli.output import command_here

        again = f"{command_here()} jobs watch {ctx.accepted.id}"
        click.echo(f"the job goes on: `{again}` shows it again", err=True)


def say(error: BulkheadError) -> None:
    """The error in three lines on stderr: what, why, what to do."""
    click.echo(error.in_three_lines(), err=True)


def _usage(error: click.UsageError) -> int:
    from producers.cli.mistake import explain

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message())
        return 0
    say(explain(error))
    return 2


def _interrupted(error: BaseException | None) -> bool:
    # A Ctrl-C within an import or a class body reaches us wrapped in another error.
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _unexpected(error: BaseException) -> int:
    # Its text may quote anything, so only its kind is shown; a log line has it redacted.
    from structlog import get_logger

    from bulkhead.settings import Settings
    from worker import logs

    logs.configure(Settings.load({}))
    get_logger().error("unexpected_error", exc_info=error)
    say(
        BulkheadError(
            f"something unexpected happened ({type(error).__name__})",
            why="this is a mistake in Bulkhead, not in what you typed",
            to_do="please report it with the line above; run `bulkhead doctor` meanwhile",
        )
    )
    return 1
