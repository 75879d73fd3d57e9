"""One broadcast, ordered twice under one key by two processes at the same moment."""

import json
import subprocess
import sys

import pytest

from tests.command import KEY, ROOT, environment

NUMBER = 5_000
USERS = [f"u{n}@example.com" for n in range(NUMBER)]

PROGRAM = """
import sys
from bulkhead.broadcasting import broadcast_of
from bulkhead.client import Bulkhead
with Bulkhead(sys.argv[1], tenant="acme") as bulkhead:
    bulkhead.jobs()
    print("ready", flush=True)
    sys.stdin.readline()
    users = [{"address": f"u{n}@example.com"} for n in range(500)]
    job = bulkhead.broadcast(
        app="shop", sender="news", users=users, message="Hi", idempotency_key="newsletter-12"
    )
    print(job.id)
"""


def test_the_same_broadcast_by_two_programs_at_once_is_one_job(door, store_server):
    words = [sys.executable, "-c", PROGRAM, store_server.url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    programs = [subprocess.Popen(words, **pipes) for _ in range(2)]
    for program in programs:
        assert program.stdout.readline() == "ready\n"

    for program in programs:
        program.stdin.write("go\n")
        program.stdin.flush()
    told = {program.communicate(timeout=60)[0].strip() for program in programs}

    assert told == {door.job().id}
    assert door.job().counts.total == 500


@pytest.fixture
def both_doors(client, door, store_server):
    """Orders it by a command, and by a message while that is being read: the command, ended."""

    def order(header):
        asked = {"v": 1, "app": "acme/shop", "sender": "news", "message": "Hi", "users": USERS}
        words = ("--app", "acme/shop", "--from", "news", "--to-users", "-", "--message", "Hi")
        words += ("--yes", "--idempotency-key", "newsletter-12", "-o", "json")
        lines = [f"{user}\n" for user in USERS]
        with subprocess.Popen(
            [sys.executable, "-m", "producers.cli", "broadcast", "create", *words],
            env=environment(redis_url=store_server.url, secret_key=KEY),
            cwd=ROOT,
            text=True,
            **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE),
        ) as command:
            command.stdin.write(header + "".join(lines[:-1]))
            # More than a pipe holds: it returns when the command reads.
            command.stdin.flush()
            client.send("tasks.broadcast", {**asked, "idempotency_key": "newsletter-12"})
            command.stdin.write(lines[-1])
            command.stdin.close()
            assert door.serve() == 1
            out, err = command.stdout.read(), command.stderr.read()
        return subprocess.CompletedProcess(words, command.returncode, out, err)

    return order


def test_the_same_broadcast_by_a_command_and_a_message_at_once_is_one_job(both_doors, door):
    done = both_doors(header="")

    assert done.returncode == 0, done
    assert json.loads(done.stdout)["id"] == door.job().id
    assert door.job().counts.total == NUMBER
    assert list(door.dead.list()) == []


def test_rows_whose_lines_have_other_numbers_are_a_conflict_and_no_second_broadcast(
    both_doors, door
):
    done = both_doors(header="address\n")

    assert door.job().counts.total == NUMBER
    refused = done.stderr if done.returncode else door.letter().why
    assert done.returncode in (0, 7)
    assert door.job().id in refused
