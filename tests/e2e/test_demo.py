"""`bulkhead demo` as a newcomer runs it."""

from tests.e2e.product import Product


def test_every_number_of_the_demo_agrees_with_the_sandboxs_record(product: Product):
    done = product.run("demo", "-o", "json", timeout=400)

    assert done.code == 0, done
    told = done.json
    counts = told["counts"]
    assert counts["total"] == 1000
    assert counts["total"] == sum(n for name, n in counts.items() if name != "total")
    assert counts["failed"] == sum(entry["count"] for entry in told["errors_by_code"])
    assert told["sandbox"]["people"] == counts["succeeded"]
    assert told["sandbox"]["requests"] == told["calls"] + told["again"]["calls"]
    assert told["sandbox"]["most_often_created"] == 1
    assert told["disagreements"] == []

    again = told["again"]
    assert again["counts"]["total"] == counts["total"]
    assert again["counts"]["skipped"] == told["sandbox"]["people"]
    assert again["counts"]["failed"] == counts["failed"]
    assert (again["calls"], again["requests"]) == (0, 0)


def test_the_demo_says_where_to_look_next_and_keeps_nothing(product: Product):
    done = product.run("demo", "-o", "table", timeout=400)

    assert done.code == 0, done
    assert "up --sandbox" in done.out
    assert "each accounted for" in done.out
    assert "988 skipped, because the record says that they are done" in done.out
    assert "0 calls; the sandbox received 0" in done.out
    assert not list(product.home.iterdir())
