"""Commands that need no store, and what is said when a store is needed and none answers."""

import socket

import pytest

from tests.e2e.product import Product, free_port
from tests.e2e.test_cli_bad_input import three_lines
from tests.e2e.typed import typed

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def alone(home):
    """A home in which nothing was ever started."""
    return Product(home)


@pytest.mark.parametrize(
    "words",
    ["version", "config show", "errors list", "users template", "sandbox serve --help", "--help"],
)
def test_a_command_that_needs_no_store_works_with_none(alone, words):
    done = typed(alone, *words.split())

    assert done.code == 0, done
    assert done.out
    assert done.err == ""
    assert not list(alone.home.iterdir())


def test_a_file_is_checked_without_a_store(alone):
    template = typed(alone, "users", "template", "--format", "csv").out

    done = typed(alone, "users", "validate", "-", "-o", "json", stdin=template)

    assert (done.code, done.json["valid"], done.json["invalid"]) == (0, 2, 0)


def test_doctor_speaks_without_a_store_and_says_that_none_runs(alone):
    done = typed(alone, "doctor", "-o", "json")

    assert done.code in (0, 1), done
    assert "bulkhead up" in done.out


@pytest.mark.parametrize(
    "words",
    [
        *("jobs list", "jobs show job_00000000000000000000000000", "apps list", "tenants list"),
        *("status", "workers list", "apps show a/b", "users import - --app a/b", "health"),
    ],
)
def test_without_a_store_the_way_to_start_one_is_said(alone, words):
    done = typed(alone, *words.split(), stdin="address\nann@example.com\n")

    assert done.code == 11, done
    assert str(alone.home) in done.err
    assert "start `bulkhead up`" in done.err
    if words != "health":
        assert done.out == ""
        three_lines(done)


def test_a_store_that_does_not_answer_is_named_without_its_password(alone):
    url = f"redis://eve:geheim-pass@127.0.0.1:{free_port()}/0"

    for words in (("jobs", "list"), ("apps", "list"), ("status",), ("doctor",), ("config", "show")):
        done = typed(alone, *words, BULKHEAD_REDIS_URL=url, BULKHEAD_SECRET_KEY=KEY)

        if words[0] != "config":
            assert done.code == 11, done
        assert "127.0.0.1" in done.out + done.err
        assert "geheim-pass" not in done.out + done.err
        assert KEY not in done.out + done.err


def test_no_words_at_all_are_answered_with_the_list_of_commands(alone):
    for words in ((), ("users",), ("jobs",)):
        done = typed(alone, *words)

        assert done.code == 0, done
        assert "Commands:" in done.out


def test_colours_and_animation_are_for_terminals_only(alone):
    for words in ("--help", "errors list -o table", "config show -o table", "doctor -o table"):
        done = typed(alone, *words.split())

        assert "\x1b" not in done.out + done.err


def test_a_missing_option_is_named_with_the_form_of_its_value(alone):
    done = typed(alone, "users", "import", "people.csv")

    assert done.code == 2, done
    assert three_lines(done)["to do"].startswith("add `--app APP`")


@pytest.mark.parametrize("option", ["--port", "--sandbox-port"])
def test_a_taken_port_is_named_with_the_option_for_another(alone, option):
    ports = {"--port": str(free_port()), "--sandbox-port": str(free_port())}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = ports[option] = str(listener.getsockname()[1])
        words = [word for pair in ports.items() for word in pair]
        done = alone.run("up", "--sandbox", *words)

    assert done.code == 7, done
    assert f"port {taken} is taken" in done.err
    assert f"choose another with {option}\n" in done.err
