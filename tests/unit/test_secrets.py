import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.box import Box, key_id_of
from bulkhead.errors import CannotOpen, InvalidInput
from bulkhead.secrets import Secret, SecretBytes, fingerprint

TOKEN = "k3v9canarytoken7d2f8a1b6c4e5f0a9b8c7d6e"
KEY = "a key of thirty-two characters!!"


@pytest.mark.parametrize("show", [str, repr, format, "{:>60}".format, "%s".__mod__, ascii])
def test_a_secret_shows_only_its_last_four_characters(show):
    shown = show(Secret(TOKEN))

    assert TOKEN[-4:] in shown
    assert TOKEN[-5:] not in shown


def test_a_short_secret_shows_nothing_of_itself():
    assert str(Secret("hunter2")) == "…"


def test_a_secret_is_given_only_when_asked_for_by_name():
    assert Secret(TOKEN).reveal() == TOKEN


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_never_pickled(protocol):
    with pytest.raises(TypeError) as caught:
        pickle.dumps(Secret(TOKEN), protocol)

    assert TOKEN not in str(caught.value)


def test_a_secret_is_never_written_as_json():
    with pytest.raises(TypeError) as caught:
        json.dumps({"token": Secret(TOKEN)})

    assert TOKEN not in str(caught.value)


def test_a_copy_of_a_secret_is_the_secret():
    secret = Secret(TOKEN)

    assert copy.copy(secret) is secret
    assert copy.deepcopy({"token": secret})["token"] is secret


def test_secrets_are_equal_by_value_and_only_to_secrets():
    assert Secret(TOKEN) == Secret(TOKEN)
    assert len({Secret(TOKEN), Secret(TOKEN)}) == 1
    assert Secret(TOKEN) != Secret(TOKEN + "x")
    assert Secret(TOKEN) != TOKEN


def test_a_text_that_repeats_the_secret_is_scrubbed():
    assert Secret(TOKEN).scrub(f"no such app: {TOKEN}!") == f"no such app: …{TOKEN[-4:]}!"
    assert Secret(TOKEN).scrub(TOKEN.upper()) == f"…{TOKEN[-4:]}"
    assert Secret("").scrub("nothing to hide") == "nothing to hide"


def test_a_fingerprint_is_stable_short_and_different_for_another_token():
    # Pinned: people compare it across machines and versions.
    assert fingerprint(Secret(TOKEN)) == "e9bc8859a2c9"
    assert fingerprint(Secret(TOKEN)) != fingerprint(Secret(TOKEN + "x"))


@given(st.binary(max_size=200), st.text(max_size=20).filter(lambda t: t.isprintable()))
def test_what_was_sealed_is_opened_by_the_same_key_about_the_same_thing(content, about):
    box = Box(KEY).seal(content, about)

    assert Box(KEY).open(box, about) == content
    assert box.isascii()


def test_two_boxes_of_the_same_content_differ():
    box = Box(KEY)

    assert box.seal(b"x", "acme/shop") != box.seal(b"x", "acme/shop")


def test_a_box_does_not_show_its_content_or_its_key():
    box = Box(KEY)

    assert TOKEN not in box.seal(TOKEN.encode(), "acme/shop")
    assert KEY not in repr(box)


def test_the_blank_ends_of_a_key_do_not_count():
    box = Box(KEY).seal(b"x", "acme/shop")

    assert Box(f" {KEY}\n").open(box, "acme/shop") == b"x"


@pytest.mark.parametrize("key", ["", "x" * 31, " " * 40, "x" * 31 + "\n"])
def test_a_key_of_fewer_than_thirty_two_characters_is_refused(key):
    with pytest.raises(InvalidInput) as caught:
        Box(key)

    assert "32" in caught.value.why


def test_any_text_of_thirty_two_characters_is_a_key():
    box = Box("ключ-🔑" * 6)

    assert box.open(box.seal(b"x", "a"), "a") == b"x"


def test_another_key_is_named_when_it_does_not_open_the_box():
    box = Box(KEY).seal(b"x", "acme/shop")
    key_id = box.split(".")[1]

    with pytest.raises(CannotOpen) as caught:
        Box("another key of thirty-two characters").open(box, "acme/shop")

    assert key_id in caught.value.why
    assert "BULKHEAD_SECRET_KEY" in caught.value.to_do


def test_a_box_about_one_app_does_not_open_for_another():
    box = Box(KEY).seal(b"x", "acme/shop")

    with pytest.raises(CannotOpen):
        Box(KEY).open(box, "acme/blog")


def test_a_box_with_any_character_changed_does_not_open():
    box = Box(KEY).seal(TOKEN.encode(), "acme/shop")

    for at, sign in enumerate(box):
        damaged = box[:at] + ("A" if sign != "A" else "B") + box[at + 1 :]
        with pytest.raises(CannotOpen):
            Box(KEY).open(damaged, "acme/shop")


@pytest.mark.parametrize("damage", ["", "v1", "v1.", "v2.a.b", "not a box", "ключ", "v1.é.é"])
def test_what_is_no_box_does_not_open(damage):
    with pytest.raises(CannotOpen):
        Box(KEY).open(damage, "acme/shop")


def test_a_box_cut_anywhere_does_not_open():
    box = Box(KEY).seal(TOKEN.encode(), "acme/shop")

    for end in range(len(box)):
        with pytest.raises(CannotOpen):
            Box(KEY).open(box[:end], "acme/shop")


def test_what_an_earlier_key_sealed_can_be_opened_and_sealed_with_either():
    old, new = Box(KEY), Box("n" * 40, [KEY])

    assert new.open(old.seal(b"x", "acme/shop"), "acme/shop") == b"x"
    assert new.key_ids == (Box("n" * 40).key_id, old.key_id)
    assert key_id_of(new.seal(b"x", "acme/shop")) == new.key_id
    assert old.open(new.seal(b"x", "acme/shop", old.key_id), "acme/shop") == b"x"


FILE = bytes(range(256)) + b"a private key of some length"


@pytest.mark.parametrize("show", [str, repr, "%s".__mod__, ascii])
def test_secret_bytes_show_only_how_many_they_are(show):
    assert show(SecretBytes(FILE)) == "SecretBytes(284 bytes)"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_secret_bytes_are_never_pickled(protocol):
    with pytest.raises(TypeError):
        pickle.dumps(SecretBytes(FILE), protocol)


def test_secret_bytes_are_given_by_name_copied_as_themselves_and_compared_by_value():
    secret = SecretBytes(FILE)

    assert secret.reveal() == FILE
    assert copy.deepcopy([secret])[0] is secret
    assert secret == SecretBytes(FILE)
    assert secret != SecretBytes(FILE + b"x")
    assert secret != FILE
    assert len({secret, SecretBytes(FILE)}) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("BADKEY", "BADKEY"),
        ("", ""),
        ("no: a private key of!", "no: …!"),
        ("x" + bytes(range(200, 220)).decode("latin-1") + "x", "x…x"),
        ("some length", "some length"),
    ],
)
def test_a_quotation_from_secret_bytes_is_taken_out_of_a_text(text, left):
    assert SecretBytes(FILE).scrub(text) == left
