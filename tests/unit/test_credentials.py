"""What a push credential is found to be, by files of OpenSSL (tests/credentials/README.md)."""

import dataclasses
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bulkhead
from bulkhead.credential.inspection import LARGEST, inspect, take, unreadable
from bulkhead.credential.reading import Problem
from bulkhead.model.code import CODES

FOLDER = Path(__file__).parents[1] / "credentials"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BUNDLE = "apn:com.example.shop"
KEY_ID = "0123456789abcdef0123456789abcdef01234567"
FOUND = {
    "apn-both.p12": ("apn", BUNDLE, []),
    "apn-chain.p12": ("apn", BUNDLE, []),
    "apn-ber.p12": ("apn", BUNDLE, []),
    "apn-clear.p12": ("apn", BUNDLE, []),
    "apn-production.p12": ("apn", BUNDLE, []),
    "apn-sandbox.p12": ("apn", BUNDLE, []),
    "apn-voip.p12": ("apn", f"{BUNDLE}.voip", ["SPECIAL_PUSH"]),
    "apn-self-issued.p12": ("apn", BUNDLE, ["NOT_BY_APPLE"]),
    "apn-password.p12": ("apn", None, ["HAS_PASSWORD"]),
    "apn-password-rc2.p12": ("apn", None, ["HAS_PASSWORD", "OLD_CIPHER"]),
    "apn-rc2.p12": ("apn", BUNDLE, ["OLD_CIPHER"]),
    "apn-3des.p12": ("apn", BUNDLE, ["OLD_CIPHER"]),
    "apn-no-key.p12": ("apn", BUNDLE, ["NO_KEY"]),
    "apn-no-certificate.p12": ("apn", None, ["NO_CERTIFICATE"]),
    "apn-other-key.p12": ("apn", BUNDLE, ["OTHER_KEY"]),
    "apn-developer.p12": ("apn", None, ["WRONG_CERTIFICATE"]),
    "apn-merchant.p12": ("apn", None, ["WRONG_CERTIFICATE"]),
    "apn-pass.p12": ("apn", None, ["WRONG_CERTIFICATE"]),
    "apn-server.p12": ("apn", None, ["WRONG_CERTIFICATE"]),
    "apn-expired.p12": ("apn", BUNDLE, ["EXPIRED"]),
    "apn-not-yet-valid.p12": ("apn", BUNDLE, ["NOT_YET_VALID"]),
    "apn-truncated.p12": ("apn", None, ["DAMAGED"]),
    "apn-damaged.p12": ("apn", None, ["DAMAGED"]),
    "empty.p12": (None, None, ["EMPTY"]),
    "apn.pem": ("apn", BUNDLE, ["PEM"]),
    "apn-certificate.pem": ("apn", BUNDLE, ["PEM", "NO_KEY"]),
    "apn-key.pem": (None, None, ["PEM"]),
    "apn.cer": ("apn", BUNDLE, ["NO_KEY"]),
    "apn.certSigningRequest": (None, None, ["UNKNOWN"]),
    "AuthKey_ABC123DEFG.p8": (None, None, ["P8"]),
    "fcm.json": ("fcm", "fcm", []),
    "fcm-other-project.json": ("fcm", "fcm", []),
    "fcm-no-key.json": ("fcm", "fcm", ["MEMBERS_MISSING"]),
    "fcm-escaped-key.json": ("fcm", "fcm", ["BAD_ACCOUNT_KEY"]),
    "fcm-truncated.json": ("fcm", "fcm", ["DAMAGED"]),
    "google-services.json": (None, None, ["CLIENT_FILE"]),
    "GoogleService-Info.plist": (None, None, ["CLIENT_FILE"]),
    "oauth-client.json": (None, None, ["UNKNOWN"]),
    "page.json": (None, None, ["UNKNOWN"]),
}
WARNINGS = {"SPECIAL_PUSH", "NOT_BY_APPLE", "OTHER_EXTENSION"}


def content(name):
    return (FOLDER / name).read_bytes()


def read(name, now=NOW):
    return inspect(content(name), name, now)


def codes(reading):
    return [problem.code.removeprefix("CREDENTIAL_") for problem in reading.problems]


def account(**changes):
    document = json.loads(content("fcm.json")) | changes
    return json.dumps(
        {name: value for name, value in document.items() if value is not ...}
    ).encode()


@pytest.mark.parametrize("name", FOUND)
def test_each_file_is_what_it_was_made_to_be(name):
    kind, slot, problems = FOUND[name]

    reading = read(name)

    assert (reading.kind, reading.slot, codes(reading)) == (kind, slot, problems)
    assert reading.uploadable == (set(problems) <= WARNINGS)


def test_every_file_of_the_folder_is_in_the_table():
    assert {path.name for path in FOLDER.iterdir()} - {"README.md"} == set(FOUND)


def test_the_fingerprint_of_a_certificate_is_the_digest_of_its_der_form():
    expected = hashlib.sha256(content("apn.cer")).hexdigest()

    for name in ("apn-both.p12", "apn-rc2.p12", "apn-clear.p12", "apn.cer", "apn.pem"):
        assert read(name).fingerprint == expected


def test_a_service_account_is_known_by_its_key_id_and_its_project():
    reading = read("fcm.json")

    assert (reading.fingerprint, reading.project) == (KEY_ID, "example-shop")
    assert (reading.has_key, reading.key_matches) == (True, None)
    assert reading.not_after is None
    assert read("fcm-other-project.json").project == "example-other"


@pytest.mark.parametrize("where", ["production", "sandbox", "both", "voip"])
def test_the_environment_is_the_one_the_certificate_names(where):
    assert read(f"apn-{where}.p12").environment == where


def test_key_and_certificate_are_said_to_be_there_and_to_match():
    def key(name):
        reading = read(name)
        return reading.has_key, reading.key_matches

    assert key("apn-both.p12") == (True, True)
    assert key("apn-other-key.p12") == (True, False)
    assert key("apn-no-key.p12") == (False, None)
    assert key("apn-no-certificate.p12") == (True, None)


def test_a_certificate_is_judged_by_the_clock_handed_in():
    ends = read("apn-both.p12").not_after
    begins = read("apn-both.p12").not_before

    assert codes(read("apn-both.p12", ends)) == []
    assert codes(read("apn-both.p12", ends + timedelta(seconds=1))) == ["EXPIRED"]
    assert codes(read("apn-both.p12", begins - timedelta(seconds=1))) == ["NOT_YET_VALID"]


@pytest.mark.parametrize("name", ["apn-both.p12", "apn-rc2.p12", "apn-3des.p12"])
def test_a_changed_byte_in_what_is_encrypted_is_damage_and_no_password(name):
    whole = content(name)

    for at in range(len(whole) // 3, len(whole) * 2 // 3, 61):
        changed = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        if name == "apn-rc2.p12" and "HAS_PASSWORD" in codes(inspect(changed, name, NOW)):
            # What stands before the key's ciphertext says how it opens.
            head = whole.index(bytes.fromhex("060b2a864886f70d010c0a0102"))
            assert head < at < head + 80
            continue
        assert codes(inspect(changed, name, NOW)) == ["DAMAGED"]


@pytest.mark.parametrize("name", ["apn-both.p12", "apn-password.p12", "apn-rc2.p12"])
def test_a_file_cut_anywhere_is_never_said_to_have_a_password(name):
    whole = content(name)

    for size in (1, 3, 7, *range(8, len(whole), 97)):
        assert codes(inspect(whole[:size], name, NOW)) == ["DAMAGED"]


def test_what_a_name_says_counts_less_than_what_is_in_the_file():
    for name in ("fcm.json", "apn-both.p12"):
        reading = inspect(content(name), "push.txt", NOW)

        assert (reading.kind, reading.uploadable) == (read(name).kind, True)
        assert codes(reading) == ["OTHER_EXTENSION"]
    assert codes(inspect(content("fcm.json"), "push.p12", NOW)) == ["OTHER_EXTENSION"]
    assert codes(inspect(content("apn-both.p12"), "push.P12", NOW)) == ["OTHER_EXTENSION"]
    assert codes(inspect(content("apn-both.p12"), None, NOW)) == []


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"project_id": ...}, ["MEMBERS_MISSING"]),
        ({"project_id": ""}, ["MEMBERS_MISSING"]),
        ({"private_key_id": 7}, ["MEMBERS_MISSING"]),
        ({"private_key_id": "a\x1b[31mb"}, ["MEMBERS_MISSING"]),
        ({"client_email": ["x"], "token_uri": ...}, ["MEMBERS_MISSING", "MEMBERS_MISSING"]),
        ({"private_key": "no key"}, ["BAD_ACCOUNT_KEY"]),
        ({"private_key": content("AuthKey_ABC123DEFG.p8").decode()}, ["BAD_ACCOUNT_KEY"]),
        ({"type": "authorized_user"}, ["UNKNOWN"]),
        ({"type": ...}, ["UNKNOWN"]),
    ],
)
def test_a_service_account_with_a_wrong_member_says_which(changes, problems):
    reading = inspect(account(**changes), "fcm.json", NOW)

    assert codes(reading) == problems
    assert not reading.uploadable
    if problems[0] == "MEMBERS_MISSING":
        assert all(name in str(reading.problems) for name in changes)


def test_a_service_account_saved_in_another_encoding_is_damaged():
    text = content("fcm.json").decode()

    for encoding in ("utf-8-sig", "utf-16"):
        assert codes(inspect(text.encode(encoding), "fcm.json", NOW)) == ["DAMAGED"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "EMPTY"),
        (b" \r\n\0", "EMPTY"),
        (b"\0" * (10 << 20), "TOO_LARGE"),
        (b"PK\x03\x04rest", "UNKNOWN"),
        (b"[1, 2]", "UNKNOWN"),
        (b"{" * 100_000, "DAMAGED"),
        (b"bplist00" + b"GOOGLE_APP_ID", "CLIENT_FILE"),
        (b"-----BEGIN CERTIFICATE-----\nMIIF", "DAMAGED"),
        (b"0" * 70, "UNKNOWN"),
        (b'{"apiKey": "x", "projectId": "y"}', "CLIENT_FILE"),
    ],
    ids=range(10),
)
def test_what_is_no_credential_at_all_is_named(data, problem):
    assert codes(inspect(data, "x", NOW)) == [problem]


def test_no_more_of_a_huge_file_is_read_than_shows_that_it_is_huge():
    class Endless:
        def read(self, size):
            return b"x" * size

    assert codes(inspect(take(Endless()), "x.p12", NOW)) == ["TOO_LARGE"]
    assert len(take(Endless())) == LARGEST + 1


def test_a_file_that_wants_endless_work_is_refused_before_it_gets_it():
    # The rounds of the key derivation stand after its salt, as a number of two bytes: 2,048.
    whole = content("apn-both.p12")
    one_more = whole.replace(b"\x02\x02\x08\x00\x30\x0c", b"\x02\x02\x00\x00\x30\x0c")
    assert one_more != whole

    assert codes(inspect(one_more, "x.p12", NOW)) == ["DAMAGED"]


def test_a_warning_of_the_library_is_not_passed_on(recwarn):
    # A serial number below zero, which the library reads and complains of.
    whole = content("apn.cer")
    odd = whole[:15] + bytes([whole[15] ^ 0x80]) + whole[16:]

    assert inspect(odd, "apn.cer", NOW).kind == "apn"
    assert read("apn-ber.p12").uploadable
    assert list(recwarn) == []


@example(b"\x30\x82\x00\x10\x02\x01\x03\x30" + b"\x24\x80" * 5000)
@example(b"\x30\x84\xff\xff\xff\xff\x02\x01\x03\x30")
@given(
    st.builds(
        lambda head, rest: head + rest,
        st.sampled_from(
            [b"", b"{", b"0\x80\x02\x01\x030", b"0\x82\x01\0\x02\x01\x030", b"<", b"MII"]
        ),
        st.binary(max_size=300),
    )
)
def test_nothing_that_a_file_may_hold_is_too_much(data):
    reading = inspect(data, "x.p12", NOW)

    assert not reading.uploadable
    assert reading.problems


def test_every_problem_says_why_and_what_to_do():
    for name in FOUND:
        for problem in read(name).to_dict()["problems"]:
            assert all(problem[part] for part in ("what", "why", "to_do")), problem
            assert problem["to_do"].endswith(".")
            assert not problem["why"].endswith(".")


def test_every_code_of_a_credential_is_used_and_every_one_used_is_listed():
    package = Path(bulkhead.__file__).parent / "credential"
    source = "".join(path.read_text("utf-8") for path in package.glob("*.py"))

    used = set(re.findall(r'"(CREDENTIAL_[A-Z0-9_]+)"', source))

    assert used == {name for name in CODES if name.startswith("CREDENTIAL_")}


def test_a_reading_cannot_be_changed_and_names_a_reason():
    with pytest.raises(dataclasses.FrozenInstanceError):
        read("fcm.json").kind = "apn"
    assert unreadable("Permission denied").problems == (
        Problem("CREDENTIAL_UNREADABLE", "Permission denied"),
    )
