"""Words, envelope and the table of outcomes: no socket in sight."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.backend import envelope
from bulkhead.backend.call import Call
from bulkhead.backend.envelope import Accepted, Declined, Unusable
from bulkhead.backend.judge import LONGEST_WAIT, Read, judge
from bulkhead.backend.reply import Answer, NoAnswer, NotSent
from bulkhead.backend.users import TokenRequest, User, useradd, userdel
from bulkhead.backend.words import WordClass, Words
from bulkhead.model.code import CODES
from bulkhead.model.outcome import Done, Next, Refused, Repeat, Retry, Stopped, Throttled, Unknown
from bulkhead.secrets import Secret

TOKEN = Secret("k3v9canarytoken7d2f8a1b6c4e5f0a9b8c7d6e")
NOW = 1_800_000_000.0
SAFE, CHECK, ONCE = Repeat.SAFE, Repeat.CHECK, Repeat.ONCE


def read(body, status=200, **more):
    return envelope.read(Answer(status, body, **more), TOKEN)


def outcome(body, repeat=SAFE, status=200, retry_after=None, words=None):
    answer = Answer(status, body, retry_after)
    reply = Read(answer, envelope.read(answer, TOKEN))
    return judge(Call("useradd", {}, repeat), reply, words or Words(), NOW)


def no(word):
    return json.dumps({"op": "useradd", "result": False, "error": word}).encode()


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("BADOP", WordClass.PERMANENT),
        ("badop", WordClass.PERMANENT),
        ("BAD_OP", WordClass.PERMANENT),
        ("EXISTS", WordClass.PERMANENT),
        ("TOKENBREACH", WordClass.AUTH),
        ("Token Breach", WordClass.AUTH),
        ("AUTHFAIL", WordClass.AUTH),
        ("MISSINGPASS", WordClass.AUTH),
        ("BADPASS", WordClass.AUTH),
        ("INVALIDTOKEN", WordClass.AUTH),
        ("access denied", WordClass.AUTH),
        ("SUSPENDED", WordClass.AUTH),
        ("RATELIMIT", WordClass.THROTTLED),
        ("QUOTAEXCEEDED", WordClass.THROTTLED),
        ("BUSY", WordClass.THROTTLED),
        ("try later", WordClass.THROTTLED),
        ("please retry", WordClass.THROTTLED),
        ("SERVERERROR", WordClass.TRANSIENT),
        ("DBFAIL", WordClass.TRANSIENT),
        ("INTERNAL", WordClass.TRANSIENT),
        ("TIMEOUT", WordClass.TRANSIENT),
        ("AUTH RETRY", WordClass.AUTH),
        ("NOSUCHUSER", WordClass.UNLISTED),
        ("", WordClass.UNLISTED),
        ("🙂", WordClass.UNLISTED),
    ],
)
def test_every_word_has_a_class(word, meaning):
    assert Words().classify(word) is meaning


def test_what_the_operator_says_about_a_word_wins():
    words = Words({"no-such_user": WordClass.PERMANENT, "BADOP": WordClass.TRANSIENT})

    assert words.classify("NOSUCHUSER") is WordClass.PERMANENT
    assert words.classify("badop") is WordClass.TRANSIENT


def test_a_request_is_compact_json_with_the_token_in_the_body():
    body = envelope.body(useradd(User("ann", "Zoë")), Secret("t"))

    assert body == '{"op":"useradd","token":"t","user":{"address":"ann","name":"Zoë"}}'.encode()


@pytest.mark.parametrize("result", ["true", "1", '"1"', "1.0"])
def test_yes_is_understood_in_every_spelling(result):
    assert read(b'{"op":"useradd","result":%s}' % result.encode()) == Accepted({})


@pytest.mark.parametrize("result", ["false", "0", '"0"'])
def test_no_is_understood_in_every_spelling(result):
    assert read(b'{"result":%s,"error":"BADOP"}' % result.encode()) == Declined("BADOP")


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b'{"result":true,"user":{"uid":"90210","address":"a"}}', {"uid": 90210}),
        (b'{"result":true,"user":{"uid":90210,"token":"u-secret"}}', {"uid": 90210}),
        (b'{"result":1,"group":{"gid":"404101"}}', {"gid": 404101}),
        (b'{"result":"1","mid":"5550123"}', {"mid": 5550123}),
        (b'{"result":true,"mid":true,"gid":-1,"uid":"x"}', {}),
        (b'{"result":true,"user":["uid"],"uid":1e3,"gid":null}', {}),
        (b'{"result":true,"uid":18446744073709551615}', {"uid": 2**64 - 1}),
        (b'{"result":true,"uid":18446744073709551616}', {}),
        ('{"result":true,"uid":"٣"}'.encode(), {}),
    ],
)
def test_numbers_are_numbers_however_they_are_written(body, details):
    said = read(body)

    assert isinstance(said, Accepted)
    assert said.details == details


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n",
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"op":"useradd","resu',
        b'{"op":"useradd"}',
        b'{"result":null}',
        b'{"result":"OK"}',
        b'{"result":[]}',
        b'{"result":2}',
        b"[true]",
        b"true",
        b'"result"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"result":' + b"9" * 5_000 + b"}",
        b'{"result":true}{"result":false}',
    ],
)
def test_what_says_neither_yes_nor_no_is_unusable(body):
    assert isinstance(read(body), Unusable)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_says_nothing_whatever_its_body_says(status):
    assert isinstance(read(b'{"result":true}', status), Unusable)


def test_an_answer_too_large_says_nothing():
    assert isinstance(read(b"", whole=False), Unusable)


def test_a_word_is_made_fit_to_print():
    word = read(no("x\n\x1b[31m" + "y" * 1_000)).word

    assert word.startswith("x??[31my")
    assert len(word) == 200


@pytest.mark.parametrize(
    ("error", "word"), [("7", "7"), ('{"a":1}', '{"a": 1}'), ("null", ""), ('""', "")]
)
def test_a_word_that_is_no_text_is_shown_as_it_came(error, word):
    assert read(b'{"result":false,"error":%s}' % error.encode()) == Declined(word)


def test_a_word_that_repeats_the_token_does_not_pass_it_on():
    word = read(no(f"no app has {TOKEN.reveal()}")).word

    assert TOKEN.reveal() not in word
    assert str(TOKEN) in word


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(
            st.sampled_from(["result", "error", "user", "uid", "x"]), inner
        ),
    ).map(lambda value: json.dumps(value).encode()),
    st.integers(100, 599),
    st.sampled_from(Repeat),
)
def test_every_answer_has_an_outcome_with_a_code_of_the_list(body, status, repeat):
    code = getattr(outcome(body, repeat, status), "code", None)

    assert code is None or code in CODES


# One row of ENGINE's table each: (answer, status) → safe, check, once.
TABLE = [
    (b'{"result":true}', 200, (Done, None), (Done, None), (Done, None)),
    (b'{"result":true}', 500, (Done, None), (Done, None), (Done, None)),
    (b'{"result":true}', 429, (Done, None), (Done, None), (Done, None)),
    (no("BADOP"), 200, *[(Refused, "BADOP")] * 3),
    (no("BADOP"), 429, *[(Refused, "BADOP")] * 3),
    (no("EXISTS"), 200, *[(Refused, "REFUSED")] * 3),
    (no("AUTHFAIL"), 200, *[(Stopped, "AUTH_FAILED")] * 3),
    (no("AUTHFAIL"), 500, *[(Stopped, "AUTH_FAILED")] * 3),
    (no("token breach"), 429, *[(Stopped, "TOKEN_BREACH")] * 3),
    (no("RATELIMIT"), 200, *[(Throttled, "THROTTLED")] * 3),
    (no("WHATEVER"), 429, *[(Throttled, "THROTTLED")] * 3),
    (no("DBERROR"), 200, (Retry, "UPSTREAM_ERROR"), (Next, None), (Unknown, "NOT_CONFIRMED")),
    (no("WHATEVER"), 200, *[(Retry, "UNLISTED")] * 2, (Refused, "UNLISTED")),
    (b'{"result":false}', 200, *[(Retry, "UNLISTED")] * 2, (Refused, "UNLISTED")),
    (b"<html>", 429, *[(Throttled, "THROTTLED")] * 3),
    (b"<html>", 413, *[(Refused, "BODY_TOO_LARGE")] * 3),
    (b"<html>", 200, (Retry, "UNUSABLE_ANSWER"), (Next, None), (Unknown, "NOT_CONFIRMED")),
    (b"", 204, (Retry, "UNUSABLE_ANSWER"), (Next, None), (Unknown, "NOT_CONFIRMED")),
    (b"", 302, (Retry, "UNUSABLE_ANSWER"), (Next, None), (Unknown, "NOT_CONFIRMED")),
    (b"", 401, (Retry, "UNUSABLE_ANSWER"), (Next, None), (Unknown, "NOT_CONFIRMED")),
    (b"<html>", 502, (Retry, "UPSTREAM_ERROR"), (Next, None), (Unknown, "NOT_CONFIRMED")),
]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("NOGROUP", "a word we do not know: NOGROUP"),
        ("no such thing as ann@example.com", "a word we do not know"),
        ("A1B2C3D4E5F60718", "a word we do not know"),
        ("", "a word we do not know"),
    ],
)
def test_a_word_nobody_knows_is_named_unless_it_could_be_more_than_a_word(word, said):
    found = outcome(no(word), ONCE, 200)

    assert found.message.endswith(said)


@pytest.mark.parametrize(("body", "status", "safe", "check", "once"), TABLE)
def test_the_table_of_outcomes_holds(body, status, safe, check, once):
    for repeat, expected in ((SAFE, safe), (CHECK, check), (ONCE, once)):
        found = outcome(body, repeat, status)

        assert (type(found), getattr(found, "code", None)) == expected
        assert found.upstream.http_status == status


@pytest.mark.parametrize("repeat", Repeat)
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("dns", "BACKEND_UNREACHABLE"),
        ("refused", "BACKEND_UNREACHABLE"),
        ("timeout", "BACKEND_UNREACHABLE"),
        ("other", "BACKEND_UNREACHABLE"),
        ("tls", "TLS_FAILED"),
        ("proxy", "PROXY_FAILED"),
    ],
)
def test_what_was_never_sent_is_always_tried_again(repeat, kind, code):
    found = judge(Call("message", {}, repeat), NotSent("why", kind), Words(), NOW)

    assert (type(found), found.code) == (Retry, code)


def test_what_was_sent_and_not_answered_is_repeated_only_where_it_is_safe():
    found = [judge(Call("x", {}, r), NoAnswer("cut"), Words(), NOW) for r in (SAFE, CHECK, ONCE)]

    assert [(type(one), getattr(one, "code", None)) for one in found] == [
        (Retry, "NO_ANSWER"),
        (Next, None),
        (Unknown, "NOT_CONFIRMED"),
    ]
    assert found[1].step == "read_back"


def test_a_token_that_was_asked_for_comes_back_as_a_secret_and_nowhere_else():
    call = useradd(User("ann", token=TokenRequest(v2=True)))
    answer = Answer(200, b'{"result":true,"user":{"uid":7,"token":"u-token-opaque-1234"}}')

    found = judge(call, Read(answer, envelope.read(answer, TOKEN)), Words(), NOW)

    assert found.issued == Secret("u-token-opaque-1234")
    assert "opaque" not in repr(found)


def test_a_token_that_nobody_asked_for_is_dropped():
    found = outcome(b'{"result":true,"user":{"token":"u-token-opaque-1234"}}')

    assert found.issued is None


def test_an_answer_without_the_token_that_was_asked_for_is_a_failure_told_as_such():
    call = useradd(User("ann", token=TokenRequest(v2=True)))
    answer = Answer(200, b'{"result":true,"user":{"uid":7}}')

    found = judge(call, Read(answer, envelope.read(answer, TOKEN)), Words(), NOW)

    assert (type(found), found.code) == (Refused, "UNUSABLE_ANSWER")


@pytest.mark.parametrize(
    ("users", "listed"),
    [
        ('[{"address":"ann","uid":"1"},{"address":"bob"}]', ("ann", "bob")),
        ("[]", ()),
        ('[{"address":"ann"},{"uid":1}]', None),
        ('{"ann":1}', None),
    ],
)
def test_a_list_of_users_is_read_whole_or_not_at_all(users, listed):
    assert read(b'{"result":true,"users":%s}' % users.encode()).listed == listed


def test_a_done_call_tells_what_mesibo_told_and_what_was_done():
    body = b'{"result":true,"user":{"uid":"7"}}'
    answer = Answer(200, body)

    found = judge(userdel("ann"), Read(answer, envelope.read(answer, TOKEN)), Words(), NOW)

    assert (found.detail, dict(found.upstream.details)) == ("deleted", {"uid": 7})


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("999999999", LONGEST_WAIT),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 08:00:30", 30.0),
        ("Fri, 15 Jan 2027 07:59:30 GMT", 0.0),
        ("Fri, 15 Jan 2999 08:00:00 GMT", LONGEST_WAIT),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 400, None),
        ("٧", None),
    ],
)
def test_the_time_mesibo_asks_for_is_in_seconds_from_now(retry_after, seconds):
    assert outcome(b"", status=429, retry_after=retry_after).after == seconds
    assert outcome(b"", status=503, retry_after=retry_after).after == seconds


@pytest.mark.parametrize("token", ["\\ud800", "x" * 4097, "a\\nb", ""])
def test_a_user_token_that_nobody_could_keep_is_none(token):
    body = b'{"result": true, "user": {"token": "%s"}}' % token.encode()
    call = useradd(User("ann@example.com", token=TokenRequest()))

    told = judge(call, Read(Answer(200, body), read(body)), Words(), NOW)

    assert isinstance(told, Refused)
    assert told.code == "UNUSABLE_ANSWER"
