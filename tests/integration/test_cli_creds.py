"""`bulkhead creds inspect`: what a person and a script see, without store and network."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bulkhead.credential.inspection import inspect
from tests.command import ROOT, environment, typed
from tests.fakes.sieve import Sieve

CREDENTIALS = ROOT / "tests" / "credentials"
FILES = sorted(path for path in CREDENTIALS.iterdir() if path.name != "README.md")
GOOD = ("apn-both.p12", "fcm.json")
MEMBERS = [
    *("file", "kind", "slot", "uploadable", "fingerprint", "project", "bundle", "environment"),
    *("not_before", "not_after", "has_key", "key_matches", "problems"),
]


@cache
def all_inspected(form):
    """Of every file, read once a form: some take a tenth of a second to open."""
    return inspected(*FILES, form=form)


def inspected(*names, form="json", home="/nonexistent"):
    paths = [str(name if Path(name).is_absolute() else CREDENTIALS / name) for name in names]
    return typed("creds", "inspect", *paths, "-o", form, home=home)


def test_good_files_are_one_array_in_the_order_of_the_command_line():
    done = inspected(*GOOD)

    rows = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert [Path(row["file"]).name for row in rows] == list(GOOD)
    assert all(list(row) == MEMBERS for row in rows)
    assert [row["slot"] for row in rows] == ["apn:com.example.shop", "fcm"]
    assert rows[0]["not_after"] == "2099-12-31T23:59:59.000Z"


def test_one_file_is_an_array_of_one():
    assert len(json.loads(inspected("fcm.json").stdout)) == 1


def test_a_warning_alone_is_success():
    done = inspected("apn-self-issued.p12", "apn-voip.p12")

    levels = {one["level"] for row in json.loads(done.stdout) for one in row["problems"]}
    assert (done.returncode, levels) == (0, {"warning"})


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "table"])
def test_one_bad_file_among_good_ones_exits_9_and_all_are_shown(form):
    done = inspected("fcm.json", "apn-rc2.p12", "apn-both.p12", form=form)

    assert done.returncode == 9
    assert done.stderr == ""
    assert all(name in done.stdout for name in ("fcm.json", "apn-rc2.p12", "apn-both.p12"))
    assert "CREDENTIAL_OLD_CIPHER" in done.stdout


def test_jsonl_and_csv_hold_one_line_a_file():
    lines = all_inspected("jsonl").stdout.splitlines()
    rows = list(csv.DictReader(io.StringIO(all_inspected("csv").stdout)))

    assert [json.loads(line)["file"] for line in lines] == [str(path) for path in FILES]
    assert [row["file"] for row in rows] == [str(path) for path in FILES]
    assert list(rows[0]) == MEMBERS


def test_a_table_says_below_it_why_and_what_to_do_with_the_command_on_a_line_of_its_own():
    done = inspected("apn-password-rc2.p12", form="table")

    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("openssl")] == [lines[7]]
    assert sum(line.startswith("  why: ") for line in lines) == 2
    assert sum(line.startswith("  to do: ") for line in lines) == 2


def test_a_file_that_is_not_there_or_is_a_folder_stops_no_other(tmp_path):
    done = inspected(tmp_path / "gone.p12", tmp_path, "fcm.json")

    rows = json.loads(done.stdout)
    assert done.returncode == 9
    assert [[one["code"] for one in row["problems"]] for row in rows] == [
        *(["CREDENTIAL_UNREADABLE"], ["CREDENTIAL_UNREADABLE"], []),
    ]
    assert rows[0]["problems"][0]["why"] == "No such file or directory"


def test_a_file_of_ten_megabytes_is_not_read(tmp_path):
    (tmp_path / "big.p12").write_bytes(b"0" * (10 << 20))

    row = json.loads(inspected(tmp_path / "big.p12").stdout)[0]

    assert [one["code"] for one in row["problems"]] == ["CREDENTIAL_TOO_LARGE"]


def test_a_name_that_is_no_text_is_shown_as_far_as_it_goes(tmp_path):
    path = tmp_path / os.fsdecode(b"push-\xff.p12")
    path.write_bytes((CREDENTIALS / "apn-rc2.p12").read_bytes())

    done = inspected(path)

    assert done.returncode == 9
    assert "push-" in json.loads(done.stdout)[0]["file"]


def in_a_process(*words, home, stdin=b"", **more):
    return subprocess.run(
        [sys.executable, "-m", "producers.cli", "creds", "inspect", *words],
        input=stdin,
        env=environment(home=home) | more,
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_an_old_cipher_is_named_also_where_the_library_cannot_read_it(home):
    files = [str(CREDENTIALS / name) for name in ("apn-rc2.p12", "apn-password-rc2.p12")]

    done = in_a_process(*files, home=home, CRYPTOGRAPHY_OPENSSL_NO_LEGACY="1")

    problems = [row["problems"] for row in json.loads(done.stdout)]
    assert done.returncode == 9
    assert [[one["code"] for one in some] for some in problems] == [
        ["CREDENTIAL_OLD_CIPHER"],
        ["CREDENTIAL_HAS_PASSWORD", "CREDENTIAL_OLD_CIPHER"],
    ]
    assert "-legacy -in" in problems[0][0]["command"]


def test_stdin_is_read_as_it_is_and_its_commands_name_a_file_to_save_it_as(home):
    good = in_a_process("-", stdin=(CREDENTIALS / "apn-both.p12").read_bytes(), home=home)
    bad = in_a_process("-", stdin=(CREDENTIALS / "apn-rc2.p12").read_bytes(), home=home)

    problem = json.loads(bad.stdout)[0]["problems"][0]
    assert (good.returncode, json.loads(good.stdout)[0]["problems"]) == (0, [])
    assert bad.returncode == 9
    assert problem["to_do"].startswith("Save it as credential.p12, run the command")
    assert "-in credential.p12" in problem["command"]
    assert not list(home.iterdir())


def test_stdin_can_be_named_once_only():
    done = typed("creds", "inspect", "-", "-", home="/nonexistent")

    assert (done.returncode, done.stdout) == (2, "")
    assert "stdin is named twice" in done.stderr


def test_without_a_file_the_usage_is_said():
    assert typed("creds", "inspect", home="/nonexistent").returncode == 2


def test_help_loads_no_cryptography(home):
    code = (
        "import sys; from producers.cli import main\n"
        "try: main(['creds', 'inspect', '--help'])\n"
        "finally: assert not {'cryptography', 'redis', 'celery'} & set(sys.modules)"
    )

    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(home=home),
        capture_output=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def secrets():
    """Pieces of every private key in the folder, from the middle, and the password of two files."""
    rsa = (CREDENTIALS / "apn-key.pem").read_text().splitlines()
    pkcs8 = json.loads((CREDENTIALS / "fcm.json").read_text())["private_key"].splitlines()
    curve = (CREDENTIALS / "AuthKey_ABC123DEFG.p8").read_text().splitlines()
    numbers = load_pem_private_key("\n".join(rsa).encode(), None).private_numbers()
    return [
        *(rsa[9], rsa[15], pkcs8[9], pkcs8[15], curve[2][:40]),
        *(f"{number:x}"[40:120] for number in (numbers.d, numbers.p, numbers.q)),
        "secret-of-nobody",
    ]


def test_no_key_and_no_password_is_in_any_output_or_value():
    sieves = [Sieve(secret) for secret in secrets()]
    everything = [all_inspected(form) for form in ("json", "jsonl", "csv", "table")]
    now = datetime.now(UTC)
    readings = [inspect(path.read_bytes(), str(path), now) for path in FILES]

    seen = "".join(done.stdout + done.stderr for done in everything) + repr(readings)
    assert [sieve for sieve in sieves if sieve.finds(seen.encode())] == []
    # The search does find a key where there is one.
    sources = b"".join(path.read_bytes() for path in FILES)
    assert all(sieve.finds(sources) for sieve in sieves[:5])
