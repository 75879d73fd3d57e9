"""The `bulkhead` command: its groups, and what an error looks like."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

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
    "jobs": "jobs",
    "workers": "status",
    "errors": "look",
}
"""Command → the module that holds it, imported when it is asked for."""


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
            ctx.fail(_no_such(args[0]))
        return super().resolve_command(ctx, args)


def _no_such(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"there is no command {name!r}." + (f" Did you mean {near[0]}?" if near else "")


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def bulkhead(ctx: click.Context) -> None:
    """Bulk provisioning and messaging on mesibo: tenants that cannot sink each other."""
    ctx.obj = ctx.obj or Context()


def main(words: list[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    try:
        code = bulkhead.main(words, prog_name="bulkhead", standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.UsageError as error:
        code = _usage(error)
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BulkheadError as error:
        say(error)
        code = error.exit_code
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:  # the last net: a person sees a sentence, not a stack
        code = _unexpected(error)
    sys.exit(code if isinstance(code, int) else 0)


def say(error: BulkheadError) -> None:
    """The error in three lines on stderr: what, why, what to do."""
    click.echo(error.in_three_lines(), err=True)


def _usage(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message())
        return 0
    path = error.ctx.command_path if error.ctx else "bulkhead"
    say(
        BulkheadError(error.format_message(), why=f"{path} cannot run like this", to_do=_help(path))
    )
    return 2


def _help(path: str) -> str:
    return f"see `{path} --help`"


def _unexpected(error: Exception) -> int:
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
