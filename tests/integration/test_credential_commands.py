"""The commands that `creds inspect` prints, pasted into a shell with real OpenSSL behind it."""

import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulkhead.credential.inspection import inspect
from bulkhead.credential.remedy import quoted
from tests.command import typed

CREDENTIALS = Path(__file__).parents[1] / "credentials"
MAKER = Path(__file__).parents[2] / "tools" / "make_credentials.py"
PASSWORD = b"secret-of-nobody"
NAMES = ("push.p12", 'it\'s $HOME; a "b" & c.p12', "a:b*?.p12", "-push.p12", "übung`x`.p12")


@pytest.fixture(autouse=True)
def openssl():
    found = shutil.which("openssl")
    said = subprocess.check_output([found, "version"], text=True) if found else ""
    if not said.startswith(("OpenSSL 3", "OpenSSL 4")):
        pytest.skip("OpenSSL 3 is not on PATH: the printed commands were not tried")


def command_for(path, home):
    """The one command that is printed for the file, as it would be copied from the output."""
    done = typed("creds", "inspect", str(path), "-o", "json", home=home)
    commands = {problem["command"] for problem in json.loads(done.stdout)[0]["problems"]}
    assert done.returncode == 9
    assert len(commands) == 1
    return commands.pop()


def pasted(command, folder):
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, timeout=60, check=False
    )


def at_a_terminal(command, folder, answer):
    """Run the command where OpenSSL finds a terminal to ask at; every question is answered so."""
    ours, theirs = pty.openpty()
    # A shell that leads a session and opens a terminal makes it the session's own.
    words = ["sh", "-c", f"exec < {os.ttyname(theirs)}\n{command}"]
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    shell = subprocess.Popen(words, cwd=folder, start_new_session=True, **ends)
    os.close(theirs)
    with suppress(OSError):
        while said := os.read(ours, 1024):
            if said.rstrip().endswith(b"Password:"):
                os.write(ours, answer + b"\n")
    os.close(ours)
    return shell.wait(timeout=60)


def reading_of(path):
    return inspect(path.read_bytes(), str(path), datetime.now(UTC))


@pytest.mark.parametrize("name", NAMES)
def test_the_command_for_an_old_cipher_makes_a_file_that_can_be_uploaded(tmp_path, home, name):
    path = tmp_path / name
    shutil.copy(CREDENTIALS / "apn-rc2.p12", path)

    run = pasted(command_for(path, home), tmp_path)

    mended = path.with_name(f"{path.stem}-modern.p12")
    assert run.returncode == 0, run.stderr
    assert {one.name for one in tmp_path.iterdir()} == {path.name, mended.name}
    assert reading_of(mended).problems == ()
    assert reading_of(mended).uploadable
    assert reading_of(mended).fingerprint == reading_of(path).fingerprint


def test_a_relative_name_that_begins_with_a_dash_is_no_option(tmp_path):
    shutil.copy(CREDENTIALS / "apn-3des.p12", tmp_path / "-x.p12")
    reading = inspect((tmp_path / "-x.p12").read_bytes(), "-x.p12", datetime.now(UTC))

    run = pasted(reading.problems[0].command, tmp_path)

    assert run.returncode == 0, run.stderr
    assert reading_of(tmp_path / "-x-modern.p12").uploadable


@pytest.mark.parametrize("name", ["apn-password.p12", "apn-password-rc2.p12"])
def test_the_command_for_a_password_asks_for_it_and_takes_it_off(tmp_path, home, name):
    path = tmp_path / name
    shutil.copy(CREDENTIALS / name, path)

    code = at_a_terminal(command_for(path, home), tmp_path, PASSWORD)

    mended = path.with_name(f"{path.stem}-modern.p12")
    assert code == 0
    assert reading_of(mended).problems == ()
    assert reading_of(mended).fingerprint == reading_of(CREDENTIALS / "apn-both.p12").fingerprint


def test_the_command_for_a_password_makes_no_file_of_a_wrong_one(tmp_path, home):
    path = tmp_path / "push.p12"
    shutil.copy(CREDENTIALS / "apn-password.p12", path)

    code = at_a_terminal(command_for(path, home), tmp_path, b"wrong")

    assert code != 0
    assert not (tmp_path / "push-modern.p12").exists()


def test_the_mended_file_is_for_its_owner_only_and_no_key_lies_about(tmp_path, home):
    path = tmp_path / "push.p12"
    shutil.copy(CREDENTIALS / "apn-rc2.p12", path)
    command = command_for(path, home).partition(" && rm ")[0]

    run = pasted(command, tmp_path)

    assert run.returncode == 0, run.stderr
    assert (tmp_path / "push-modern.p12").stat().st_mode & 0o077 == 0
    assert b"PRIVATE" not in (tmp_path / "push-modern.pem").read_bytes()


def test_the_command_for_pem_packs_certificate_and_key(tmp_path, home):
    path = tmp_path / "my push.pem"
    shutil.copy(CREDENTIALS / "apn.pem", path)

    run = pasted(command_for(path, home), tmp_path)

    assert run.returncode == 0, run.stderr
    assert reading_of(tmp_path / "my push-modern.p12").problems == ()


def test_the_command_for_base64_text_unpacks_it(tmp_path, home):
    path = tmp_path / "from-ci.txt"
    encoded = subprocess.run(
        ["openssl", "base64", "-in", str(CREDENTIALS / "apn-both.p12")],
        capture_output=True,
        check=True,
    )
    path.write_bytes(encoded.stdout)

    run = pasted(command_for(path, home), tmp_path)

    assert run.returncode == 0, run.stderr
    original = (CREDENTIALS / "apn-both.p12").read_bytes()
    assert (tmp_path / "from-ci-modern.p12").read_bytes() == original


def test_no_command_is_printed_where_none_would_work(tmp_path):
    # Key and certificate belong to two: OpenSSL would refuse to pack them.
    certificate = (CREDENTIALS / "apn-certificate.pem").read_bytes()
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    (tmp_path / "two.pem").write_bytes(certificate + key)
    old = ("-legacy", "-nokeys", "-passout", "pass:", "-in", str(CREDENTIALS / "apn.pem"))
    subprocess.run(
        ["openssl", "pkcs12", "-export", *old, "-out", str(tmp_path / "old.p12")], check=True
    )

    for name in ("two.pem", "old.p12"):
        reading = reading_of(tmp_path / name)

        assert len(reading.problems) == 2
        assert [problem.command for problem in reading.problems] == [None, None]


@pytest.mark.parametrize("name", ["a\nb.p12", "tab\there'.p12", os.fsdecode(b"\xff\\.p12")])
def test_a_name_that_cannot_be_printed_is_one_printable_word_to_bash(name):
    bash = shutil.which("bash") or pytest.skip("there is no bash to ask")

    word = quoted(name)

    said = subprocess.run([bash, "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert word.isprintable()
    assert said.stdout == os.fsencode(name)


def test_the_script_makes_the_files_of_the_repository(tmp_path):
    made = subprocess.run(
        [sys.executable, str(MAKER), str(tmp_path)], capture_output=True, timeout=120, check=False
    )

    assert made.returncode == 0, made.stderr
    there = {path.name for path in CREDENTIALS.iterdir()} - {"README.md"}
    assert {path.name for path in tmp_path.iterdir()} == there
    for name in there:
        fresh, kept = reading_of(tmp_path / name), reading_of(CREDENTIALS / name)
        assert [one.code for one in fresh.problems] == [one.code for one in kept.problems]
