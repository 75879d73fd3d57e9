"""Templates, and the message that a row of recipients stands for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.backend.envelope import ONPREM_BODY_LIMIT, body
from bulkhead.backend.messages import to_group, to_people
from bulkhead.errors import InvalidInput
from bulkhead.model.broadcast import MOST_TEXT, MOST_TITLE, MOST_URL, Letter, Reader, Text
from bulkhead.model.outcome import Repeat
from bulkhead.model.template import Missing, template
from bulkhead.secrets import Secret

MAPPING = {"group": 0, "address": 1, "custom_id": 2, "var:name": 3}


def letter(message="Hi", **members):
    return Letter(sender="news", message=message, **members)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Hi {{name}}", "Hi Ann"),
        ("{{ Name }}{{name}}!", "AnnAnn!"),
        ("{name} {} }", "{name} {} }"),
        ("{{{{name}}}}", "{{name}}"),
        ("{{{{{{name}}", "{{Ann"),
        ("{{name}}}}}}", "Ann}}"),
        ("{{first name}}", "A"),
        ("", ""),
    ],
)
def test_variables_are_filled_and_doubled_braces_are_sent(text, sent):
    assert template(text).fill({"name": "Ann", "first name": "A"}) == sent


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("Hi {{", "line 1, character 4"),
        ("Hi {{}}", "line 1, character 4"),
        ("Hi {{ }}", "line 1, character 4"),
        ("a\nb {{name}", "line 2, character 3"),
        ("{{{name}}}", "line 1, character 1"),
        ("name}}", "line 1, character 5"),
        ("{{a\nb}}", "line 1, character 1"),
        (f"{{{{{'x' * 65}}}}}", "line 1, character 1"),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(text, where):
    with pytest.raises(InvalidInput) as refused:
        template(text)

    assert refused.value.why.startswith(where)


@given(st.text())
def test_a_text_whose_braces_are_doubled_is_sent_as_it_is(text):
    doubled = text.replace("{{", "{{{{").replace("}}", "}}}}")

    assert template(doubled).fill({}) == text


@given(st.text(min_size=1))
def test_a_value_is_never_read_as_a_template(value):
    assert template("<{{x}}>").fill({"x": value}) == f"<{value}>"


def test_a_variable_without_a_value_is_named():
    with pytest.raises(Missing) as missing:
        template("{{ Last Name }}").fill({"last name": ""})

    assert missing.value.name == "last name"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (["", "", "", "Ann"], "RECIPIENT_MISSING"),
        (["41", "ann", "", "Ann"], "RECIPIENT_MISSING"),
        (["team-a", "", "", "Ann"], "GROUP_NOT_IN_RECORD"),
        (["0", "", "", "Ann"], "BAD_GID"),
        (["²", "", "", "Ann"], "GROUP_NOT_IN_RECORD"),
        (["", "a,b", "", "Ann"], "ADDRESS_HAS_COMMA"),
        (["", "x" * 64, "", "Ann"], "ADDRESS_TOO_LONG"),
        (["", "ann", "", " "], "VARIABLE_MISSING"),
        (["", "ann"], "VARIABLE_MISSING"),
        (["", "ann", "", "x" * (MOST_TEXT - 3)], None),
        (["", "ann", "", "x" * (MOST_TEXT - 2)], "MESSAGE_TOO_LONG"),
        (["", "ann", "", '"' * (MOST_TEXT // 2 - 1)], "MESSAGE_TOO_LONG"),
        (["", "ann", "", "ü" * (MOST_TEXT // 2 - 1)], "MESSAGE_TOO_LONG"),
    ],
)
def test_a_row_that_nothing_can_be_sent_for_has_a_code(cells, code):
    found = Reader(letter("Hi {{name}}"), MAPPING).read(cells, 7)

    assert getattr(found, "code", None) == code
    if code == "VARIABLE_MISSING":
        assert found.message == "`name` is missing or empty on line 7."


def test_the_value_given_for_all_is_used_where_the_row_has_none():
    reader = Reader(letter("Hi {{name}}", given={"name": "friend"}), MAPPING)

    assert reader.read(["", "ann", "", "Ann"], 1).text.message == "Hi Ann"
    assert reader.read(["", "ann", "", ""], 1).text.message == "Hi friend"


def test_the_largest_message_fits_the_body_of_an_on_premise_backend():
    line_breaks = Text(
        "\n" * (MOST_TEXT // 2), "https://" + "x" * (MOST_URL - 8), '"' * (MOST_TITLE // 2)
    )
    sender = letter(expiry=31_536_000)

    call = to_people(sender, line_breaks, ["ü" * 31])

    assert len(body(call, Secret("t" * 64))) <= ONPREM_BODY_LIMIT


def test_a_call_says_from_whom_to_whom_and_for_how_long():
    sender = letter(expiry=3600)

    group = to_group(sender, Text("Hi"), 404101)
    person = to_people(sender, Text(url="https://x/y", title="T"), ["ann"])

    assert group.members == {
        "message": {"from": "news", "gid": 404101, "expiry": 3600, "message": "Hi"}
    }
    assert person.members == {
        "message": {"from": "news", "to": "ann", "expiry": 3600, "url": "https://x/y", "title": "T"}
    }
    assert (group.key, person.key) == ("gid:404101", "ann")
    assert (group.repeat, person.repeat) == (Repeat.ONCE, Repeat.ONCE)


def test_a_letter_comes_back_from_its_job_as_it_was():
    sent = letter("Hi {{name}}", given={"name": "friend"}, expiry=60)

    assert Letter.of(json.loads(json.dumps(sent.params()))) == sent


@pytest.mark.parametrize(
    "members",
    [
        {"message": ""},
        {"message": " \r\n\t\u00a0"},
        {"message": "Hi \udcff"},
        {"message": "", "url": "https://x/\ud800"},
        {"message": "", "url": "https://x", "title": "\ud800"},
        {"given": {"name": "\ud800"}},
        {"url": "https://x"},
        {"title": "T"},
        {"expiry": -1},
        {"expiry": 366 * 86_400},
        {"message": "", "url": "file:///etc/passwd"},
        {"message": "", "url": "https://x/{{name}}"},
        {"message": "x" * (MOST_TEXT + 1)},
        {"message": "{{x"},
        {"sender": ""},
        {"sender": "a,b"},
    ],
)
def test_a_letter_that_nobody_could_get_is_refused(members):
    with pytest.raises(InvalidInput):
        Letter(**{"sender": "news", "message": "Hi", **members})
