"""Files as people have them, from the first import to the errors file, mended and imported."""

import csv
import gzip
import io
import json

from tests.e2e.product import received
from tests.e2e.typed import typed

APP = ("--app", "demo/shop", "--wait", "-o", "json")
MESSY = (
    "\ufeffAddress;Name;Active;Note\r\n"
    'ann@messy.test;"Ann ""A""\r\nSmith";true;=1+1\r\n'
    "+4930123;Bob;;-5\r\n"
    "\r\n"
    " ann@messy.test ;Ann;true;other\r\n"
    "+4930123;Bob;;-5\r\n"
    "dan@messy.test;Dan;perhaps;@x\r\n"
    '"eve,eve@messy.test";"Eve; E.";no;\r\n'
    "fay@messy.test;Fay;yes;'=kept\r\n"
)


def imported(site, data, *words, name="messy.csv"):
    path = site.home / name
    path.write_bytes(data)
    return typed(site, "users", "import", str(path), *APP, *words)


def addresses(site):
    return received(site.sandbox)["distinct_keys"]


def errors_of(site, job):
    done = typed(site, "jobs", "errors", job, "-o", "csv")
    assert done.code == 0, done
    return list(csv.DictReader(io.StringIO(done.out, newline="")))


def resaved(rows):
    """The rows as an office program saves them: all quoted, `;`, CRLF, a byte order mark."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return ("\ufeff" + out.getvalue()).encode()


def test_a_messy_file_is_counted_as_it_deserves_and_its_errors_are_mended_and_imported(site):
    before = addresses(site)

    done = imported(site, MESSY.encode())

    assert done.code == 3, done
    counts = {name: n for name, n in done.json["counts"].items() if n}
    assert counts == {"total": 7, "succeeded": 3, "skipped": 1, "failed": 3}
    assert {one["code"]: one["first_lines"] for one in done.json["errors_by_code"]} == {
        "CONFLICTING_ROWS": [6],
        "DUPLICATE_IN_FILE": [7],
        "BAD_ACTIVE": [8],
        "ADDRESS_HAS_COMMA": [9],
    }
    assert addresses(site) == before + 3

    rows = errors_of(site, done.json["id"])
    assert [row["_line"] for row in rows] == ["8", "9", "6"]
    assert [row["Note"] for row in rows] == ["'@x", "", "other"]
    assert "line 2" in rows[2]["_message"]
    rows[0]["Active"], rows[1]["Address"] = "yes", "eve@messy.test"
    again = imported(site, resaved(rows[:2]), name="errors.csv")

    assert again.code == 0, again
    assert again.json["counts"]["succeeded"] == again.json["counts"]["total"] == 2
    assert addresses(site) == before + 5


def test_an_errors_file_that_was_saved_by_an_office_program_reads_the_same(site):
    data = b'address,flags,note\n+491,x,=2\n\'=a,y,00123\n"b\nb",1,\n'
    first = imported(site, data).json

    rows = errors_of(site, first["id"])
    second = imported(site, resaved(rows)).json

    assert (first["state"], second["state"]) == ("rejected", "rejected")
    assert errors_of(site, second["id"]) == [
        {**row, "_line": line} for row, line in zip(rows, ("2", "3", "4"), strict=True)
    ]


def test_validate_says_what_import_would(site):
    path = site.home / "validate.csv"
    path.write_bytes(MESSY.encode("utf-16"))

    done = typed(site, "users", "validate", str(path), "-o", "json")

    assert done.code == 9, done
    assert (done.json["rows"], done.json["valid"]) == (7, 3)
    assert (done.json["skipped"], done.json["invalid"]) == (1, 3)
    assert {one["code"]: one["first_lines"] for one in done.json["errors_by_code"]} == {
        "CONFLICTING_ROWS": [6],
        "DUPLICATE_IN_FILE": [7],
        "BAD_ACTIVE": [8],
        "ADDRESS_HAS_COMMA": [9],
    }


def test_packed_json_lines_with_a_map_are_imported_and_their_errors_too(site):
    people = [
        {"mail": "json1@messy.test", "name": "One", "team": {"a": 1}},
        {"mail": "json2@messy.test", "active": 7, "team": None},
        {"mail": "json1@messy.test", "name": "Another"},
        {"mail": 4930123456, "name": "Four"},
    ]
    lines = [*map(json.dumps, people), "{broken"]
    data = gzip.compress("\n".join(lines).encode())

    done = imported(site, data, "--map", "mail=address", name="people.jsonl.gz")

    assert done.code == 3, done
    assert done.json["input"]["format"] == "jsonl"
    assert done.json["input"]["bytes"] == len(data)
    counts = {name: n for name, n in done.json["counts"].items() if n}
    assert counts == {"total": 5, "succeeded": 2, "failed": 3}
    rows = errors_of(site, done.json["id"])
    assert list(rows[0])[:5] == ["mail", "name", "active", "team", "_text"]
    assert {row["_line"]: row["_code"] for row in rows} == {
        "2": "BAD_ACTIVE",
        "5": "NOT_AN_OBJECT",
        "3": "CONFLICTING_ROWS",
    }
    rows[0]["active"] = "no"
    again = imported(site, resaved(rows[:1]), "--map", "mail=address", name="errors.csv")
    assert again.json["counts"]["succeeded"] == 1, again


def test_words_that_name_nothing_are_usage_errors(site):
    path = site.home / "words.csv"
    path.write_text("Mail;name\nann@messy.test;Ann\n")

    for words, near in (
        (("--encoding", "latn-1"), "latin-1"),
        (("--map", "Mail"), "--map"),
        (("--map", "Mail=adress"), "address"),
        (("--map", "Mail=address", "--map", "mail=name"), "twice"),
        (("--format", "xml"), "csv"),
    ):
        done = typed(site, "users", "validate", str(path), *words)
        assert done.code == 2, done
        assert near in done.err, done
    done = typed(site, "users", "validate", str(path), "--map", "Mial=address")
    assert done.code == 9, done
    done = typed(site, "users", "validate", str(path), "--map", "Mail=address", "-o", "json")
    assert done.code == 0, done
    assert done.json["valid"] == 1


def test_a_file_in_a_named_encoding_arrives_as_it_was_meant(site):
    done = imported(
        site, "address,name\nzoë@messy.test,Zoë\n".encode("cp1252"), "--encoding", "cp1252"
    )

    assert done.code == 0, done
    rows = typed(site, "jobs", "results", done.json["id"], "-o", "json").json
    assert rows[0]["key"]["address"] == "zoë@messy.test"
