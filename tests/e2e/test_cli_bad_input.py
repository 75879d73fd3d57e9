"""Input that is not right: three lines that help, the right exit code, and nothing sent."""

import gzip

import pytest

from tests.e2e.product import people, received
from tests.e2e.typed import typed

FILES = {
    "missing": None,
    "folder": "folder",
    "binary": bytes(range(256)) * 40,
    "empty": b"",
    "only blank lines": b"\n\n\r\n",
    "header only": b"address,name\n",
    "wrong delimiter": b"address|name\nann@example.com|Ann\n",
    "no address column": b"adress,name\nann@example.com,Ann\n",
    "doubled column": b"address,name,Name\nann@example.com,Ann,Ann\n",
    "doubled address": b"address,Address\nann@example.com,bob@example.com\n",
    "open quote": b'address,name\nann@example.com,"Ann\nbob@example.com,Bob\n',
    "workbook": b"PK\x03\x04" + b"\0" * 26 + b"xl/workbook.xml",
    "unmarked utf-16": "address,name\nann@example.com,Ann\n".encode("utf-16-le"),
    "cut gzip": gzip.compress(b"address\nann@example.com\n")[:-9],
    "damaged gzip": gzip.compress(b"address\nann@example.com\n")[:-4] + b"\0\0\0\0",
    "json list": b'[{"address": "ann@example.com"}]',
    "json over several lines": b'{\n  "address": "ann@example.com"\n}\n',
}


def three_lines(done):
    """The error's lines by name; fails unless it is exactly what, why and what to do."""
    lines = done.err.strip().splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["error", "why", "to do"], done
    assert all(line.partition(": ")[2].strip() for line in lines), done
    return dict(line.split(": ", 1) for line in lines)


def traces(site):
    """What a refused command must leave as it was: the jobs, and what the backend received."""
    jobs = typed(site, "jobs", "list", "-o", "json").json
    return [job["id"] for job in jobs], received(site.sandbox)["requests"]


def written(site, name, content):
    path = site.home / f"{name.replace(' ', '-')}.csv"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_wrong_kind_is_refused_whole_and_leaves_nothing(site, name):
    path = written(site, name, FILES[name])
    before = traces(site)

    done = typed(site, "users", "import", path, "--app", "demo/shop", "--wait")

    assert done.code == 9, done
    assert done.out == ""
    three_lines(done)
    assert traces(site) == before


def test_the_words_of_a_refusal_name_the_cause(site):
    named = {
        "missing": "there is no file",
        "folder": "folder",
        "empty": "empty",
        "header only": "no rows",
        "wrong delimiter": "|",
        "no address column": "`adress`",
        "doubled column": "column 3",
        "open quote": "line 2",
        "workbook": "excel",
        "unmarked utf-16": "--encoding",
        "cut gzip": "not complete",
        "damaged gzip": "damaged",
        "json list": "one object a line",
        "json over several lines": "not a whole json object",
    }
    for name, word in named.items():
        path = str(site.home / f"{name.replace(' ', '-')}-words.csv")
        if FILES[name] is not None:
            path = written(site, f"{name}-words", FILES[name])
        done = typed(site, "users", "import", path, "--app", "demo/shop")
        assert word in done.err.lower(), done


def test_a_near_file_name_is_suggested(site):
    people(site.home / "customers.csv", 1)

    done = typed(site, "users", "import", str(site.home / "custmers.csv"), "--app", "demo/shop")

    assert done.code == 9
    assert "customers.csv" in three_lines(done)["to do"]


def test_an_unknown_column_is_only_mentioned(site):
    path = written(site, "extra", b"address,Shoe size\nextra@example.com,43\n")

    done = typed(site, "users", "import", path, "--app", "demo/shop", "--wait", "-o", "json")

    assert done.code == 0, done
    assert done.json["counts"]["succeeded"] == 1
    assert "Shoe size" in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_bad_rows_fail_with_their_line_and_stop_no_other(site):
    lines = [f"row{n}@example.com,Row {n}".encode() for n in range(2, 1001)]
    lines[900 - 2] = b"row900@example.com,\xff\xfe"
    lines[100 - 2] = b"a" * 70 + b",Seventy"
    lines[200 - 2] = b'"one,two",Comma'
    lines[300 - 2] = b"row300@example.com,Row,300"
    lines[400 - 2] = b",Nobody"
    path = written(site, "five bad", b"address,name\n" + b"\n".join(lines) + b"\n")

    done = typed(site, "users", "import", path, "--app", "demo/shop", "--wait", "-o", "json")

    assert done.code == 3, done
    assert done.err == ""
    counts = done.json["counts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (999, 994, 5)
    assert {one["code"]: one["first_lines"] for one in done.json["errors_by_code"]} == {
        "ADDRESS_TOO_LONG": [100],
        "ADDRESS_HAS_COMMA": [200],
        "TOO_MANY_CELLS": [300],
        "ADDRESS_MISSING": [400],
        "INVALID_UTF8": [900],
    }
    rows = typed(site, "jobs", "errors", done.json["id"], "-o", "json").json
    assert all(row["message"] and row["hint"] and row["code"] for row in rows)


def test_a_file_without_a_valid_row_is_rejected_and_nothing_is_sent(site):
    path = written(site, "all bad", b'address\n"a,b"\n\x01x\n')
    calls = received(site.sandbox)["requests"]

    for words in ((), ("--wait",), ("--watch",), ("--progress", "json")):
        done = typed(site, "users", "import", path, "--app", "demo/shop", *words, "-o", "json")

        assert done.code == 9, done
        assert done.json["state"] == "rejected"
        assert done.json["counts"]["failed"] == 2
    assert received(site.sandbox)["requests"] == calls


def test_validate_counts_what_import_would_and_needs_no_app(site):
    path = written(site, "half", b'address,name\nann@example.com,Ann\n"a,b",Bob\n')

    done = typed(site, "users", "validate", path, "-o", "json")

    assert done.code == 9
    assert (done.json["rows"], done.json["valid"], done.json["invalid"]) == (2, 1, 1)
    assert done.json["errors_by_code"][0]["first_lines"] == [3]


def test_stdin_is_a_file(site):
    done = typed(
        site,
        *("users", "import", "-", "--app", "demo/shop", "--wait", "-o", "json"),
        stdin="address\nstdin@example.com\n",
    )

    assert done.code == 0, done
    assert done.json["counts"]["succeeded"] == 1


def test_an_empty_stdin_is_refused_in_the_same_words(site):
    done = typed(site, "users", "import", "-", "--app", "demo/shop")

    assert done.code == 9
    assert "stdin" in three_lines(done)["error"]
