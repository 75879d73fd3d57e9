"""The page of commands lists exactly the commands and options there are."""

import re
from pathlib import Path

import click
import pytest

from bulkhead import errors
from producers.cli.follow import EXIT_CODES, NEEDS_A_PERSON, STILL_RUNNING
from producers.cli.main import bulkhead

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
ON_EVERY_COMMAND = {"--output", "--help"}
WITHOUT_OUTPUT = {
    *("up", "worker", "api", "sandbox serve", "realtime listen"),
    *("users template", "users export", "groups template"),
}


def walk(command, path=()):
    """Every command that does something, with the words that lead to it."""
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            yield from walk(command.get_command(ctx, name), (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(walk(bulkhead))


def options(command):
    shown = (one for one in command.params if isinstance(one, click.Option) and not one.hidden)
    names = {name for one in shown for name in (*one.opts, *one.secondary_opts)}
    return {name for name in names if name.startswith("--")}


def rows(heading):
    text = PAGE.read_text("utf-8")
    for line in text.splitlines():
        found = re.split(r"(?<!\\)\|", line.strip("|"))
        if len(found) == heading and found[0].strip().startswith("`"):
            yield [cell.strip().replace("\\|", "|") for cell in found]


def on_the_page():
    """Command → the options its row names; arguments are the words in capitals."""
    found = {}
    for name, _, listed in rows(3):
        words = [word for word in name.strip("`").split() if not re.match(r"[A-Z]", word)]
        found[" ".join(words)] = set(re.findall(r"--[a-z-]+", listed))
    return found


def test_every_command_and_option_is_on_the_page_and_nothing_else():
    there = {name: options(command) - ON_EVERY_COMMAND for name, command in COMMANDS.items()}

    assert on_the_page() == there


def test_every_option_is_explained_once():
    explained = [re.match(r"`(--[a-z-]+)", name)[1] for name, _ in rows(2) if "--" in name]
    there = set().union(*map(options, COMMANDS.values())) - ON_EVERY_COMMAND

    assert sorted(explained) == sorted(there)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_explains_itself_in_a_line_that_is_not_cut(name):
    command = COMMANDS[name]

    assert command.get_short_help_str(limit=66).endswith((".", "?"))
    assert "..." not in command.get_short_help_str(limit=66)
    shown = (one for one in command.params if isinstance(one, click.Option) and not one.hidden)
    assert [one.opts for one in shown if not one.help] == []


def test_every_command_with_data_lets_its_form_be_chosen():
    without = {name for name, command in COMMANDS.items() if "--output" not in options(command)}

    assert without == WITHOUT_OUTPUT


def test_the_exit_codes_of_the_page_are_those_of_the_errors():
    written = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text("utf-8"), re.M)}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    used = {kind.exit_code for kind in kinds if issubclass(kind, errors.BulkheadError)}

    assert used | set(EXIT_CODES.values()) | {STILL_RUNNING, NEEDS_A_PERSON} <= written
