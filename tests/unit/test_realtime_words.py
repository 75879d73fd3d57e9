"""What native code prints is bounded and masked; what the session's process says comes whole."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.model import realtime
from bulkhead.realtime.lines import Lines, to_line
from bulkhead.realtime.words import LOGGED_A_SECOND, Words
from bulkhead.secrets import Secret

TOKEN = "canary0user0token0of0ann0abcdefwxyz"


def words(log=None, clock=lambda: 0.0):
    return Words(Secret(TOKEN), (lambda _: None) if log is None else log.append, clock)


def cut(data, sizes):
    """The data in pieces of these sizes, again and again."""
    at = 0
    while at < len(data):
        for size in sizes:
            yield data[at : at + size]
            at += size


@given(st.lists(st.integers(1, 50), min_size=1))
def test_the_token_is_masked_however_the_pipe_cuts_it(sizes):
    log = []
    heard = words(log)

    for chunk in cut(f"begin\ntoken={TOKEN} in {TOKEN.upper()}\nrest {TOKEN}".encode(), sizes):
        heard.take(chunk)

    assert log == ["begin", "token=…wxyz in …wxyz"]
    assert heard.said().splitlines() == [*log, "rest …wxyz"]


@pytest.mark.parametrize("before", range(250, 330))
def test_no_part_of_the_token_is_left_where_a_line_is_cut(before):
    heard = words()

    heard.take(b"x" * before + b" " + TOKEN.encode() + b"\n")

    assert TOKEN[:8] not in heard.said()


def test_a_line_without_an_end_takes_no_memory():
    heard = words()
    chunk = b"x" * 65536
    tracemalloc.start()

    for _ in range(1000):
        heard.take(chunk)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    heard.take(b"\nafter\n")

    assert most < 2_000_000
    assert heard.said().splitlines()[-1] == "after"


def test_who_writes_without_end_is_logged_a_little_and_told_how_much_was_left_out():
    log = []
    now = [0.0]
    heard = words(log, lambda: now[0])

    for _ in range(10):
        heard.take(b"line\n" * 1000)
    now[0] = 1.0
    heard.take(b"next\n")

    left_out = 10_000 - LOGGED_A_SECOND
    assert log == ["line"] * LOGGED_A_SECOND + [f"… and {left_out} lines more", "next"]


def test_bytes_that_are_no_text_and_signs_that_move_a_cursor_do_no_harm():
    heard = words()

    heard.take(b"\xff\xfe \x1b[2J \x00 red\n")

    assert heard.said().isprintable()
    assert heard.said().endswith("red")


@given(
    st.lists(st.dictionaries(st.text(st.characters()), st.text(st.characters()))),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_what_is_said_in_lines_comes_whole_however_the_pipe_cuts_it(said, sizes):
    lines = Lines()

    heard = [one for chunk in cut(b"".join(map(to_line, said)), sizes) for one in lines.take(chunk)]

    assert heard == said


def test_a_half_line_a_line_that_is_no_object_and_one_too_long_are_left_out():
    lines = Lines(longest=100)

    heard = lines.take(b'nonsense\n[1]\n{"a":1}\n{"b":')
    heard += lines.take(b"x" * 100)
    heard += lines.take(b"x" * 100)
    heard += lines.take(b'}\n{"c":2}\n{"d"')

    assert heard == [{"a": 1}, {"c": 2}]


def test_a_line_may_be_as_long_as_a_long_message():
    line = {"text": "é" * 100_000}
    lines = Lines()

    heard = [one for chunk in cut(to_line(line), [65536]) for one in lines.take(chunk)]

    assert heard == [line]


def test_each_status_has_one_word_and_an_unknown_one_is_shown_by_its_number():
    for known in (realtime.CONNECTION, realtime.MESSAGE, realtime.RESULT):
        assert all(number == status.number for number, status in known.items())
    assert len({status.word for status in realtime.CONNECTION.values()}) == len(realtime.CONNECTION)
    assert realtime.connection_word(1) == "online"
    assert realtime.result_word(141) == "141 (unnamed)"
    assert realtime.message_word(77) == "77 (unnamed)"


@pytest.mark.parametrize(
    ("status", "ends"),
    [(s, "NOT") for s in (-1, 0, 1, 2, 6, 7, 8, 20, 99)]
    + [(4, "TOKEN")]
    + [(s, "FOR_GOOD") for s in (3, 5, 9, 10, 21, 22)],
)
def test_a_connection_status_says_whether_the_session_comes_back(status, ends):
    assert realtime.ended_by(status) is realtime.Ends[ends]


@given(st.integers(0, 2**32 - 1))
def test_a_message_id_survives_the_sign_the_package_gives_it(mid):
    assert -(2**31) <= realtime.signed(mid) < 2**31
    assert realtime.unsigned(realtime.signed(mid)) == mid
