"""What the sandbox knows of its apps: who called, how fast, and everything received."""

from __future__ import annotations

import json

import pytest

from tests.integration.sandbox_process import TOKEN, running, until

STRANGE = "canary0of0an0app0nobody0knows"
SIX = [f"127.0.0.{n}" for n in range(1, 7)]


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    log = tmp_path_factory.mktemp("sandbox") / "requests.jsonl"
    with running("--log", log) as server:
        server.log = log
        yield server


def test_an_unknown_token_is_refused(sandbox):
    answer = sandbox.call("useradd", token=STRANGE, id=3, user={"address": "ann"})

    assert answer == {"op": "useradd", "id": 3, "result": False, "error": "AUTHFAIL"}
    assert sandbox.received(token=STRANGE)["items"][0]["outcome"] == "AUTHFAIL"


@pytest.mark.parametrize("token", ["", None, 5])
def test_a_missing_token_is_refused(sandbox, token):
    assert sandbox.call("useradd", token=token, user={"address": "ann"})["error"] == "AUTHFAIL"


def test_a_token_refused_before_serves_once_registered(process):
    late = "canary0of0an0app0registered0late"
    assert process.call("useradd", token=late, user={"address": "ann"})["error"] == "AUTHFAIL"

    process.register(late)

    assert process.call("useradd", token=late, user={"address": "ann"})["result"] is True


def test_apps_are_listed_without_their_tokens(sandbox):
    sandbox.register(rate=20)

    status, _, answer = sandbox.send("GET", "/_sandbox/apps")

    assert status == 200
    assert TOKEN not in answer.decode()
    shown = {"token": f"…{TOKEN[-4:]}", "edition": "cloud", "rate": 20.0}
    assert shown in json.loads(answer)


def test_several_apps_are_registered_at_once(sandbox):
    tokens = [f"canary0of0many0apps0{n:04}" for n in range(50)]

    status, _ = sandbox.control("POST", "apps", [{"token": token} for token in tokens])

    assert status == 201
    assert all(sandbox.call("usersget", token=token)["result"] for token in tokens)


@pytest.mark.parametrize(
    ("app", "named"),
    [
        ({"edition": "cloud"}, "apps[0].token"),
        ({"token": ""}, "apps[0].token"),
        ({"token": STRANGE, "edition": "moon"}, "apps[0].edition"),
        ({"token": STRANGE, "rate": 0}, "apps[0].rate"),
        ({"token": STRANGE, "rate": "20"}, "apps[0].rate"),
        ({"token": STRANGE, "pace": 20}, "apps[0].pace"),
    ],
)
def test_a_wrong_app_is_refused_by_name(sandbox, app, named):
    status, problem = sandbox.control("POST", "apps", app)

    assert status == 400
    assert problem["error"].startswith(f"{named}: ")
    assert STRANGE not in problem["error"]


def test_a_sixth_address_disables_the_app_for_everyone(sandbox):
    answers = [sandbox.add("ann", peer=peer) for peer in SIX]

    assert [answer["result"] for answer in answers] == [True] * 5 + [False]
    assert answers[5]["error"] == "TOKENBREACH"
    assert sandbox.add("ann", peer=SIX[0])["error"] == "TOKENBREACH"


def test_the_address_of_the_socket_counts(sandbox):
    body = json.dumps({"op": "useradd", "token": TOKEN, "user": {"address": "ann"}})

    answers = [sandbox.send("POST", "/backend/", body, source=(peer, 0))[2] for peer in SIX]

    assert [json.loads(answer)["result"] for answer in answers] == [True] * 5 + [False]
    assert [item["peer"] for item in sandbox.received(token=TOKEN)["items"]] == SIX


def test_a_disabled_app_leaves_another_alone(sandbox):
    other = "canary0of0the0neighbour0shop"
    sandbox.register(other)
    for peer in SIX:
        sandbox.add("ann", peer=peer)

    assert sandbox.call("useradd", token=other, user={"address": "ann"})["result"] is True


def test_an_app_above_its_rate_is_throttled_and_told_when_to_come_back(sandbox):
    sandbox.register(rate=0.001)
    body = json.dumps({"op": "useradd", "token": TOKEN, "user": {"address": "ann"}})

    (first, _, _), (second, headers, _) = [
        sandbox.send("POST", "/backend/", body) for _ in range(2)
    ]

    assert (first, second) == (200, 429)
    assert int(headers["Retry-After"]) > 900
    assert sandbox.outcomes() == ["ok", "throttled"]


def test_every_request_is_on_record_with_what_became_of_it(sandbox):
    sandbox.add("ann")
    sandbox.add("ann")
    sandbox.call("userdel", user={"address": "bob"})

    seen = sandbox.received(token=TOKEN)

    assert (seen["count"], seen["distinct"]) == (3, 1)
    wanted = ("token", "op", "key", "outcome", "peer", "committed")
    assert [tuple(item[name] for name in wanted) for item in seen["items"]] == [
        (f"…{TOKEN[-4:]}", "useradd", "ann", "ok", "127.0.0.1", True),
        (f"…{TOKEN[-4:]}", "useradd", "ann", "ok", "127.0.0.1", True),
        (f"…{TOKEN[-4:]}", "userdel", "bob", "NOUSER", "127.0.0.1", False),
    ]


def test_the_record_tells_how_often_each_key_was_applied(sandbox):
    for address in ("ann", "bob", "ann"):
        sandbox.add(address)

    assert sandbox.received(token=TOKEN, keys=1, summary=1) == {
        "requests": 3,
        "committed": 3,
        "distinct_keys": 2,
        "by_op": {"useradd": 3},
        "by_outcome": {"ok": 3},
        "max_applied_per_key": 2,
        "keys": {"ann": 2, "bob": 1},
    }


def test_a_key_of_two_operations_is_one_distinct_key(sandbox):
    sandbox.add("ann")
    sandbox.call("userset", user={"address": "ann", "flags": 1})

    summary = sandbox.received(token=TOKEN, summary=1)

    assert (summary["committed"], summary["distinct_keys"]) == (2, 1)
    assert summary["max_applied_per_key"] == 1


@pytest.mark.parametrize("summary", [{}, {"summary": 1}])
def test_the_record_is_narrowed_by_op_and_time(sandbox, summary):
    def count(**query):
        seen = sandbox.received(token=TOKEN, **summary, **query)
        return seen["requests" if summary else "count"]

    sandbox.add("ann")
    sandbox.call("usersget")
    second = sandbox.received(token=TOKEN)["items"][1]["t"]

    assert (count(), count(op="useradd"), count(op="nosuch")) == (2, 1, 0)
    assert (count(since=second), count(since=second + 3600)) == (1, 0)
    assert count(since=second, op="useradd") == 0


def test_the_record_is_read_in_pages(sandbox):
    for n in range(5):
        sandbox.add(f"user{n}")

    page = sandbox.received(token=TOKEN, offset=1, limit=2)

    assert page["count"] == 5
    assert [item["key"] for item in page["items"]] == ["user1", "user2"]


@pytest.mark.parametrize("query", [{"since": "x"}, {"limit": -1}, {"since": "inf"}])
def test_a_wrong_number_in_the_query_is_refused_by_name(sandbox, query):
    status, problem = sandbox.control("GET", "received", **query)

    assert status == 400
    assert problem["error"].startswith(f"{next(iter(query))}: ")


def test_reset_forgets_everything_but_the_apps(sandbox):
    for peer in SIX:
        sandbox.add("ann", peer=peer)
    sandbox.faults({"fault": "empty"})

    assert sandbox.control("POST", "reset")[0] == 200

    assert sandbox.received()["count"] == 0
    assert sandbox.call("usersget")["users"] == []


def test_every_request_is_one_line_of_the_log(sandbox):
    sandbox.add("ann@log.test")
    sandbox.call("useradd", token=STRANGE, user={"address": "é\ud800,\n"}, peer="10.0.0.9")

    def lines():
        return [json.loads(line) for line in sandbox.log.read_text().splitlines()]

    seen = until(lambda: lines()[-2:], lambda last: last and last[-1]["peer"] == "10.0.0.9")

    assert [list(line) for line in seen] == [["t", "token", "op", "key", "peer", "outcome"]] * 2
    assert [(line["token"], line["key"], line["outcome"]) for line in seen] == [
        (f"…{TOKEN[-4:]}", "ann@log.test", "ok"),
        (f"…{STRANGE[-4:]}", "é\ud800,\n", "AUTHFAIL"),
    ]
    assert seen[0]["t"] <= seen[1]["t"]


def test_no_token_stands_in_the_log_or_in_any_control_answer(sandbox):
    sandbox.faults({"fault": "latency", "ms": 0, "token": TOKEN})
    user = {"address": "secretive", "token": {"appid": "phone"}}
    given = sandbox.call("useradd", user=user)["user"]["token"]
    until(sandbox.log.read_text, lambda text: "secretive" in text)

    shown = [sandbox.log.read_text()]
    shown += [sandbox.send("GET", f"/_sandbox/{name}")[2].decode() for name in ("apps", "faults")]
    shown.append(json.dumps(sandbox.received(keys=1)))

    assert [text for text in shown if TOKEN in text or given in text] == []


@pytest.mark.parametrize(("method", "name", "status"), [("GET", "x", 404), ("PUT", "apps", 405)])
def test_a_control_call_that_does_not_exist_is_refused(sandbox, method, name, status):
    assert sandbox.control(method, name)[0] == status
