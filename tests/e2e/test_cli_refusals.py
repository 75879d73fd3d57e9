"""Words that do not fit, names nobody knows, states that do not allow it: refused at once."""

import pytest

from tests.e2e.product import people
from tests.e2e.test_cli_bad_input import three_lines, traces
from tests.e2e.typed import typed

MISTYPED = (
    (["usrs"], "users"),
    (["users", "improt", "x"], "import"),
    (["users", "import", "x", "--ap", "demo/shop"], "--app"),
    (["jobs", "lst"], "list"),
    (["apps", "list", "--tennant", "demo"], "--tenant"),
)
UNKNOWN = (
    (["users", "import", "{people}", "--app", "demo/shp"], "demo/shop"),
    (["apps", "show", "demo/shp"], "demo/shop"),
    (["apps", "pause", "demo/shp"], "demo/shop"),
    (["apps", "list", "--tenant", "demmo"], "demo"),
    (["jobs", "list", "--tenant", "demmo"], "demo"),
    (["tenants", "show", "demmo"], "demo"),
    (["tenants", "pause", "demmo"], "demo"),
    (["tenants", "show", "demo:apps"], "demo"),
    (["apps", "show", "demo/shop:jobs"], ""),
    (["jobs", "show", "job_00000000000000000000000000"], ""),
    (["jobs", "show", "no such job"], ""),
    (["jobs", "cancel", "job_00000000000000000000000000"], ""),
    (["jobs", "results", "job_00000000000000000000000000"], ""),
    (["jobs", "errors", "job_00000000000000000000000000", "-o", "csv"], ""),
)
WRONG_VALUES = (
    *(["apps", "set", "demo/shop", "--rate", text] for text in ("fast", "0/s", "-1/s", "5/d")),
    *(["apps", "set", "demo/shop", "--read-timeout", text] for text in ("5x", "0s", "", "-1s")),
    *(["apps", "set", "demo/shop", "--weight", text] for text in ("nan", "inf", "0", "-1")),
    *(["apps", "set", "demo/shop", "--burst", text] for text in ("0", "x", "1.5", "9" * 40)),
    ["apps", "set", "demo/shop", "--max-attempts", "0"],
    ["apps", "set", "demo/shop", "--edition", "other"],
    ["apps", "set", "demo/shop", "--base-url", "ftp://example.com"],
    ["apps", "set", "demo/shop", "--cell", "No Such"],
    ["apps", "set", "demo/shop"],
    ["tenants", "add", "Acme Corp"],
    ["tenants", "set", "demo", "--weight", "nan"],
    ["users", "import", "{people}", "--app", "shop"],
    ["users", "import", "{people}", "--app", "demo/shop", "--wait", "--timeout", "soon"],
    ["users", "import", "{people}", "--app", "demo/shop", "--label", "novalue"],
    *(
        ["users", "import", "{people}", "--app", "demo/shop", "--idempotency-key", text]
        for text in ("", " ")
    ),
    ["users", "import", "{people}", "--app", "demo/shop", "--priority", "first"],
    ["users", "import", "{people}", "--app", "demo/shop", "-o", "xml"],
    ["users", "import", "{people}"],
    ["users", "import"],
    ["users", "template", "--format", "xls"],
    ["jobs", "list", "--limit", "0"],
    ["jobs", "results", "x", "y"],
)


def in_words(site, words):
    path = site.home / "people.csv"
    if not path.exists():
        people(path, 2)
    return [str(path) if word == "{people}" else word for word in words]


@pytest.mark.parametrize(("words", "near"), MISTYPED, ids=str)
def test_a_mistyped_word_is_answered_with_the_nearest_right_one(site, words, near):
    done = typed(site, *words)

    assert (done.code, done.out) == (2, ""), done
    assert f"did you mean {near}?" in three_lines(done)["to do"]


@pytest.mark.parametrize(("words", "near"), UNKNOWN, ids=lambda value: "".join(value)[:60])
def test_an_unknown_name_is_said_and_a_near_one_suggested(site, words, near):
    before = traces(site)

    done = typed(site, *in_words(site, words))

    assert (done.code, done.out) == (2, ""), done
    assert near in three_lines(done)["to do"]
    assert traces(site) == before


@pytest.mark.parametrize("words", WRONG_VALUES, ids=lambda words: " ".join(words)[:60])
def test_a_value_that_does_not_fit_changes_and_sends_nothing(site, words):
    before = traces(site)
    app = typed(site, "apps", "show", "demo/shop", "-o", "json").json

    done = typed(site, *in_words(site, words))

    assert (done.code, done.out) == (2, ""), done
    three_lines(done)
    assert traces(site) == before
    after = typed(site, "apps", "show", "demo/shop", "-o", "json").json
    assert {**app, "latency_ms": 0} == {**after, "latency_ms": 0}


def test_http_off_this_machine_needs_to_be_allowed(site):
    words = ("apps", "add", "demo/plain", "--base-url", "http://203.0.113.9/backend/")
    refused = typed(site, *words, "--token-file", "-", stdin="plain-token")

    allowed = typed(
        site, *words, "--token-file", "-", "--allow-http", "-o", "json", stdin="plain-token"
    )

    assert (refused.code, refused.out) == (2, "")
    assert "--allow-http" in three_lines(refused)["to do"]
    assert allowed.code == 0, allowed
    assert allowed.json["allow_http"] is True


@pytest.mark.parametrize(
    ("words", "stdin", "code"),
    [
        ([], "", 2),
        (["--token-file", "-", "--token-env", "TOKEN"], "abc", 2),
        (["--token-file", "-"], "", 9),
        (["--token-file", "-"], "  \n", 9),
        (["--token-file", "-"], "two words", 9),
        (["--token-file", "-"], "two\nlines", 9),
        (["--token-file", "{home}/none.txt"], "", 9),
        (["--token-file", "{home}"], "", 9),
        (["--token-env", "TOKEN_NOT_SET"], "", 9),
        (["--token", "abc"], "", 2),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_token_from_nowhere_from_two_places_or_unusable_is_refused(site, words, stdin, code):
    words = [word.replace("{home}", str(site.home)) for word in words]

    done = typed(
        site,
        *("apps", "add", "demo/tokenless", "--base-url", "https://example.com/backend/", *words),
        stdin=stdin,
        TOKEN="t0ken",
    )

    assert (done.code, done.out) == (code, ""), done
    three_lines(done)
    assert typed(site, "apps", "show", "demo/tokenless").code == 2


def test_a_token_comes_from_stdin_from_a_variable_or_from_a_file(site):
    place = site.home / "token.txt"
    place.write_text("from-file-9876\n")
    words = ("--base-url", "https://example.com/backend/", "-o", "json")
    add = ("apps", "add")

    stdin = typed(site, *add, "demo/a", *words, "--token-file", "-", stdin="from-stdin-1234\n")
    variable = typed(
        site, *add, "demo/b", *words, "--token-env", "MY_TOKEN", MY_TOKEN="from-env-4321"
    )
    file = typed(site, *add, "demo/c", *words, "--token-file", str(place))

    assert [done.json["token"] for done in (stdin, variable, file)] == ["…1234", "…4321", "…9876"]
    for name in "abc":
        shown = typed(site, "apps", "show", f"demo/{name}", "-o", "json")
        assert "from-" not in shown.out


def test_removing_needs_a_yes_and_no_terminal_can_give_it(site):
    typed(site, "tenants", "add", "brief")
    url = ("--base-url", "https://example.com/backend/")
    typed(site, "apps", "add", "brief/app", *url, "--token-file", "-", stdin="brief-token")

    for words in (("apps", "remove", "brief/app"), ("tenants", "remove", "brief")):
        done = typed(site, *words)
        assert (done.code, done.out) == (6, ""), done
        assert "--yes" in three_lines(done)["to do"]
    owned = typed(site, "tenants", "remove", "brief", "--yes")
    assert owned.code == 7
    assert (
        typed(site, "apps", "remove", "brief/app", "--yes", "-o", "json").json["state"] == "removed"
    )
    assert typed(site, "tenants", "remove", "brief", "--yes").code == 0
    assert typed(site, "tenants", "show", "brief").code == 2


def test_what_exists_already_is_a_conflict(site):
    tenant = typed(site, "tenants", "add", "demo")
    app = typed(
        site,
        *("apps", "add", "demo/shop", "--base-url", "https://example.com/backend/"),
        *("--token-file", "-"),
        stdin="another-token",
    )

    assert (tenant.code, app.code) == (7, 7)
    assert (tenant.out, app.out) == ("", "")
    assert "another-token" not in app.err


def test_a_job_that_has_ended_can_no_longer_be_stopped(site):
    job = typed(
        site,
        *("users", "import", "-", "--app", "demo/shop", "--wait", "-o", "json"),
        stdin="address\nended@example.com\n",
    ).json

    for verb in ("pause", "resume", "cancel"):
        done = typed(site, "jobs", verb, job["id"])
        assert (done.code, done.out) == (7, ""), done
        assert "completed" in three_lines(done)["why"]


def test_a_tenant_in_the_environment_stands_before_the_app(site):
    done = typed(site, "apps", "show", "shop", "-o", "json", BULKHEAD_TENANT="demo")

    assert done.json["app"] == "demo/shop"
