"""What operators say of words, and the words that were heard: kept in the store, bounded."""

import pytest

from bulkhead.backend.words import WordClass
from bulkhead.engine.wordbook import MOST, Heard, WordBook
from bulkhead.errors import InvalidInput
from worker.hearing import Hearing


@pytest.fixture
def book(world):
    return WordBook(world.scripts)


def test_what_was_said_is_kept_until_it_is_taken_back(book):
    book.map("Room full", "throttled")
    book.map("odd", "transient")
    book.map("ODD", "permanent")

    book.forget("room-FULL")

    assert book.said() == {"ODD": WordClass.PERMANENT}


def test_a_class_of_a_later_version_is_left_out(world, book):
    world.redis.hset(world.key("words"), "ODD", "somewhat")

    assert book.said() == {}


@pytest.mark.parametrize("word", ["", "?!", "x" * 201, "token breach"])
def test_what_cannot_be_said_of_a_word_is_refused(book, word):
    with pytest.raises(InvalidInput):
        book.map(word, "transient")


def test_a_class_there_is_not_is_refused(book):
    with pytest.raises(InvalidInput, match="throtled"):
        book.map("ODD", "throtled")

    assert book.said() == {}


def test_unlisted_are_the_words_that_neither_the_list_nor_the_operator_has(book):
    book.count([Heard("acme/shop", word, "useradd", 1) for word in ("BADOP", "ODD", "MADE")])
    book.map("made", "permanent")

    said = {seen.word: (seen.meaning, seen.by) for seen in book.seen()}

    assert [seen.word for seen in book.unlisted()] == ["ODD"]
    assert said["BADOP"] == ("permanent", "list")
    assert said["MADE"] == ("permanent", "operator")
    assert said["ODD"] == ("unlisted", "guess")


def test_a_word_is_counted_by_app_with_its_first_and_last_time_and_an_example(world, book):
    book.count([Heard("acme/shop", "ODD", "useradd", 2)])
    world.advance(60)
    book.count([Heard("acme/shop", "ODD", "userdel", 3), Heard("acme/blog", "ODD", "userdel", 1)])

    [shop] = [seen for seen in book.seen() if seen.app == "acme/shop"]
    assert (shop.word, shop.op, shop.count) == ("ODD", "useradd", 5)
    assert shop.first_seen < shop.last_seen
    assert len(book.seen()) == 2


def test_the_word_not_heard_for_the_longest_time_makes_room(world, book):
    book.count([Heard("acme/shop", "FIRST", "useradd", 9)])
    world.advance(1)
    book.count([Heard("acme/shop", f"W{n}", "useradd", 1) for n in range(MOST)])

    words = {seen.word for seen in book.seen()}

    assert len(words) == MOST
    assert "FIRST" not in words


def test_a_flood_of_new_words_pushes_out_the_old_ones_and_is_itself_bounded(world, book):
    book.count([Heard("acme/shop", f"OLD {n}", "useradd", 1) for n in range(MOST)])
    world.advance(60)
    book.count([Heard("acme/shop", "OLD 7", "useradd", 1)])
    world.advance(60)

    book.count([Heard("acme/shop", f"NEW {n}", "useradd", 1) for n in range(MOST - 1)])
    kept = {seen.word for seen in book.seen()}
    assert kept == {"OLD 7"} | {f"NEW {n}" for n in range(MOST - 1)}

    book.count([Heard("acme/shop", f"ONCE {n}", "useradd", 1) for n in range(MOST + 50)])
    kept = {seen.word for seen in book.seen()}
    assert kept == {f"ONCE {n}" for n in range(MOST)}


def test_nothing_like_a_token_and_no_long_word_is_kept(world, book):
    token = "abcd1234" * 6
    book.count([Heard("acme/shop", f"no {token} " + "long " * 50, "useradd", 1)])

    [seen] = book.seen()

    assert token not in str(world.redis.hgetall(world.key("unlisted")))
    assert len(seen.word) == 64


def test_what_was_heard_is_taken_once_and_bounded():
    hearing = Hearing()
    for number in range(MOST + 50):
        hearing.note("acme/shop", "useradd", f"W{number}")
    hearing.note("acme/shop", "userdel", "W0")

    first, second = hearing.take(), hearing.take()

    assert len(first) == MOST
    assert first[0] == Heard("acme/shop", "W0", "useradd", 2)
    assert second == []
