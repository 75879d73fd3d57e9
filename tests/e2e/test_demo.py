"""`bulkhead demo` as a newcomer runs it."""

from tests.e2e.product import Product


def test_every_number_of_the_demo_agrees_with_the_sandboxs_record_and_nothing_is_kept(
    product: Product,
):
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

    bad, good = told["rotation"]["bad"], told["rotation"]["good"]
    assert (told["rotation"]["apps"], told["rotation"]["waves"]) == (20, [1, 5, 20])
    assert bad["errors_by_code"] == {"PUSH_FAILED": 1, "WAVE_FAILED": 3}
    assert (bad["counts"]["succeeded"], bad["sandbox"]["hold_the_new_file"]) == (1, 1)
    assert (bad["counts"]["not_attempted"], bad["sandbox"]["never_called"]) == (15, 15)
    assert (good["counts"]["succeeded"], good["sandbox"]["hold_the_new_file"]) == (20, 20)
    assert (bad["calls"], good["calls"]) == tuple(one["sandbox"]["requests"] for one in (bad, good))

    message = told["broadcast"]
    counts, sandbox = message["counts"], message["sandbox"]
    assert (message["groups"], message["groups_again"]) == (12, {"skipped": 12, "calls": 0})
    assert (counts["total"], counts["succeeded"], counts["unknown"]) == (52, 50, 2)
    assert (sandbox["groups"], sandbox["messages"], sandbox["recipients"]) == (12, 52, 50)
    assert sandbox["most_often_sent"] == 1
    for stage in ("sent", "delivered", "read"):
        assert message["delivery"][stage] == sandbox["reached"]["recipients"][stage] > 0
        assert message["members"][stage] == sandbox["reached"]["members"][stage] > 0

    live = told["realtime"]
    assert (live["counts"]["succeeded"], live["file"]["counts"]["succeeded"]) == (40, 3)
    assert live["sandbox"]["messages"] == 43
    assert (live["sandbox"]["most_per_message"], live["sandbox"]["logins"]) == (1, 1)
    assert live["sandbox"]["files_sha256"] == [live["file_sha256"]]
    assert not list(product.home.iterdir())
