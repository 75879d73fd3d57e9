"""An operator sees a word nobody knows, says what it means, and the workers obey."""

import pytest

from tests.e2e.product import people, until
from tests.e2e.typed import typed

WORD = "PLANETS"


@pytest.fixture
def product(standing):
    """The one that stands, as if it had heard of no word: they stand for all apps."""
    standing.forget_words()
    return standing


def test_a_word_nobody_knows_is_counted_mapped_and_obeyed_within_a_beat(product, sandbox):
    token = product.app("acme/shop", sandbox, "--max-attempts", "2")
    sandbox.faults({"fault": "word", "error": WORD, "token": token})
    job = product.submit(people(product.home / "p.csv", 3), "acme/shop")
    assert product.wait(job).code == 3

    [seen] = until(lambda: typed(product, "errors", "list", "--words", "-o", "json").json)
    told = typed(product, "errors", "list", "-o", "table").out
    status = typed(product, "status", "-o", "json").json
    mapped = typed(product, "errors", "map", f"{WORD.lower()}=auth", "-o", "json")
    until(lambda: obeyed(product))

    assert (seen["word"], seen["class"], seen["by"]) == (WORD, "unlisted", "guess")
    assert (seen["app"], seen["op"]) == ("acme/shop", "useradd")
    assert WORD in told.splitlines()[-1]
    assert [word["word"] for word in status["unlisted_words"]] == [WORD]
    assert mapped.json == {"word": WORD, "class": "auth", "by": "operator"}
    listed = typed(product, "errors", "map", "-o", "json").json
    assert listed == [{"word": WORD, "class": "auth"}]
    removed = typed(product, "errors", "map", "--remove", WORD, "-o", "json").json
    assert removed == {"word": WORD, "class": "unlisted", "by": "guess"}


def obeyed(product):
    """Whether a worker stops the app at the word; it learns what was said at its next beat."""
    words = ("users", "import", "-", "--app", "acme/shop", "--wait", "-o", "json")
    done = typed(product, *words, stdin="address\nlater@example.com\n")
    return done.code == 10


def test_a_mistyped_class_is_a_usage_error(standing):
    for words in (("ODD=throtled",), ("ODD",), ("=auth",), ("ODD=auth", "--remove", "X")):
        done = typed(standing, "errors", "map", *words)

        assert (done.code, done.out) == (2, ""), done
        assert len(done.err.splitlines()) == 3
    assert typed(standing, "errors", "map", "-o", "json").json == []
