"""Guesses about words nobody has listed, and how a word is shown."""

import pytest

from bulkhead.backend.words import Source, WordClass, Words, shown


@pytest.mark.parametrize(
    "word",
    [
        *("AUTH", "AUTHERROR", "auth-failed", "AuthFault", "Unauthorized", "NOT_AUTHORIZED"),
        *("BADTOKEN", "bad app token", "AppTokenExpired", "the token is not valid", "TOKEN401"),
        *("ACCESSDENIED", "account suspended", "FORBIDDEN", "AUTHFAIL …6789"),
    ],
)
def test_a_word_made_of_nothing_but_words_about_the_token_stops_the_app(word):
    assert Words().explain(word) == (WordClass.AUTH, Source.GUESS)


@pytest.mark.parametrize(
    "word",
    [
        *("AUTHOR", "BADAUTHOR", "NOAUTHORITY", "OAUTHURL", "authored_by", "TOKENS", "TOKENRING"),
        *("BADTOKENEXPIRY", "PushToken", "user_token_exists", "TOKENTOOLONG", "GROUPDENIED"),
        *("bad author", "BADLIMIT", "NAMELIMITS", "LATERALITY", "NOCREDITCARD", "BUSYBODY"),
        *("FEEDBACK", "DBNAME", "OBSERVER", "INTERNALID", "", "?", "NOSUCHUSER"),
    ],
)
def test_a_word_that_merely_contains_one_of_ours_is_unlisted(word):
    assert Words().classify(word) is WordClass.UNLISTED


@pytest.mark.parametrize("word", ["AUTHTOKENAPP" * 16 + "X", "TOOMANYREQUESTS" * 13 + "X"])
def test_a_word_at_its_longest_is_classified_at_once(word):
    assert Words().classify(word[:200]) in WordClass


def test_what_is_said_of_a_word_is_learned_anew_each_time():
    words = Words({"ODD": WordClass.AUTH})

    words.learn({"BAD-OP": WordClass.THROTTLED})

    assert words.explain("ODD") == (WordClass.UNLISTED, Source.GUESS)
    assert words.explain("badop") == (WordClass.THROTTLED, Source.OPERATOR)
    assert words.explain("EXISTS") == (WordClass.PERMANENT, Source.LIST)


def test_a_word_is_shown_short_and_without_anything_like_a_token():
    token = "k3v9canarytoken7d2f8a1b6c4e5f0a9b8c7d6e"

    assert shown(f"no app has {token}, sorry") == "no app has ***, sorry"
    assert len(shown("a b " * 100)) == 64
    assert shown("TOO_LONG") == "TOO_LONG"
