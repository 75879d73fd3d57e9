"""The calls about push notifications, as values."""

import json

import pytest

from bulkhead.backend import envelope
from bulkhead.backend.push import (
    LARGEST_CREDENTIAL,
    pushdebug,
    pushset,
    pushtest,
    pushupload,
    service_of,
)
from bulkhead.backend.push_options import OPTIONS, Oddity, PushOptions, warnings
from bulkhead.backend.users import raw
from bulkhead.errors import InvalidInput
from bulkhead.model.outcome import Repeat
from bulkhead.secrets import Secret, SecretBytes

KEY = SecretBytes(b'{"type":"service_account","private_key":"canary"}')


def oddities(options, before=None):
    return [(found.option, found.oddity) for found in warnings(options, before)]


def test_only_the_options_that_are_given_are_sent():
    call = pushset(PushOptions(background=False, sound=True))

    assert call.members == {"push": {"background": False, "sound": True}}
    assert call.repeat is Repeat.SAFE


def test_setting_no_option_is_refused_and_names_the_seven():
    with pytest.raises(InvalidInput) as caught:
        pushset(PushOptions())

    assert all(name in caught.value.to_do for name in OPTIONS)


def test_the_table_of_defaults_has_each_option_once_with_the_vendors_default_and_a_note():
    assert tuple(OPTIONS) == PushOptions.names()
    assert {name: option.default for name, option in OPTIONS.items()} == {
        "background": True,
        "fallback": True,
        "ratelimit": True,
        "collapse": False,
        "sound": False,
        "forceprod": False,
        "iosfcm": False,
    }
    assert all(option.note for option in OPTIONS.values())


def test_a_sound_is_warned_of_while_background_is_on_by_choice_by_default_or_from_before():
    no_effect = ("sound", Oddity.NO_EFFECT)

    assert no_effect in oddities(PushOptions(sound=True))
    assert no_effect in oddities(PushOptions(sound=True, background=True))
    assert no_effect in oddities(PushOptions(sound=True), PushOptions(background=True))
    assert no_effect not in oddities(PushOptions(sound=True, background=False))
    assert no_effect not in oddities(PushOptions(sound=True), PushOptions(background=False))
    assert no_effect not in oddities(PushOptions(sound=False))


def test_the_production_service_is_warned_of_only_when_it_is_chosen():
    needs = ("forceprod", Oddity.NEEDS_PRODUCTION)

    assert needs in oddities(PushOptions(forceprod=True))
    assert needs not in oddities(PushOptions(forceprod=False))


def test_three_options_are_about_ios_only():
    every = PushOptions(**dict.fromkeys(PushOptions.names(), False))

    assert oddities(every) == [(name, Oddity.IOS_ONLY) for name in ("sound", "forceprod", "iosfcm")]


def test_what_is_set_now_stands_over_what_was_set_before():
    before = PushOptions(background=False, collapse=True)

    assert PushOptions(background=True).over(before) == PushOptions(background=True, collapse=True)


def test_the_vendors_tables_name_pushset_for_the_test_and_the_window_and_we_send_the_true_op():
    test, debug = pushtest("ann"), pushdebug(1_800)

    bodies = [json.loads(envelope.body(call, Secret("t"))) for call in (test, debug)]

    assert bodies == [
        {"op": "pushtest", "token": "t", "push": {"address": "ann"}},
        {"op": "pushdebug", "token": "t", "push": {"duration": 1_800}},
    ]


def test_a_test_and_a_debug_window_are_never_repeated_blindly():
    assert pushtest("ann").repeat is Repeat.ONCE
    assert pushdebug(60).repeat is Repeat.ONCE
    assert pushtest("ann").key == "ann"


@pytest.mark.parametrize("op", ["pushset", "pushtest", "pushdebug"])
def test_a_raw_call_of_a_push_operation_is_repeated_like_our_own(op):
    own = {
        "pushset": pushset(PushOptions(sound=False)),
        "pushtest": pushtest("ann"),
        "pushdebug": pushdebug(60),
    }

    assert raw(op, own[op].members).repeat is own[op].repeat


def test_a_test_of_nobody_and_a_window_of_no_time_are_refused():
    with pytest.raises(InvalidInput):
        pushtest("")
    with pytest.raises(InvalidInput):
        pushdebug(0)


def test_an_upload_may_be_repeated_and_sends_a_type_only_if_one_is_given():
    plain, typed = pushupload(KEY, "key.json"), pushupload(KEY, "key.json", "fcm")

    assert (plain.op, plain.members, plain.repeat) == ("pushupload", {}, Repeat.SAFE)
    assert typed.members == {"type": "fcm"}
    assert plain.upload.content == KEY


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("key.json", "fcm"),
        ("push.P12", "apn"),
        ("json", None),
        ("key.json.txt", None),
        ("key.p8", None),
        (".json", "fcm"),
    ],
)
def test_the_extension_says_what_a_file_is_for(name, service):
    assert service_of(name) == service


def test_a_file_of_no_known_extension_needs_a_type():
    with pytest.raises(InvalidInput):
        pushupload(KEY, "credential")

    assert pushupload(KEY, "credential", "apn").members == {"type": "apn"}


@pytest.mark.parametrize("size", [0, LARGEST_CREDENTIAL + 1, 10_000_000])
def test_a_file_that_cannot_be_a_credential_is_refused_before_it_is_sent(size):
    with pytest.raises(InvalidInput):
        pushupload(SecretBytes(bytes(size)), "key.json")


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/home/ann/key.json", "key.json"),
        (r"C:\keys\key.json", "key.json"),
        ('a"b\r\nX: y.json', "a_b__X_ y.json"),
        ("schlüssel.json", "schl_ssel.json"),
        ("x" * 300 + ".p12", "x" * 96 + ".p12"),
    ],
)
def test_the_name_of_a_file_is_sent_without_its_folder_and_without_what_a_header_cannot_carry(
    path, sent
):
    assert pushupload(KEY, path).upload.file_name == sent


def test_no_byte_of_a_file_is_in_the_repr_of_its_call():
    assert "canary" not in repr(pushupload(KEY, "key.json"))
