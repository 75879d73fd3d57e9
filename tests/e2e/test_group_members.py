"""Members of a group, a hundred a call: everybody who can be added is, whoever cannot is named."""

import json

import pytest
import requests

from tests.e2e.product import measured, people

QUICK = ("--rate", "2000/s", "--burst", "500")
STRANGERS = {"stranger-a@example.com", "stranger-b@example.com", "stranger-c@example.com"}


@pytest.fixture
def product(standing):
    """The one that stands: no test here ends any of its processes."""
    return standing


@pytest.fixture
def token(product, sandbox):
    return product.app("acme/shop", sandbox, *QUICK)


def called(sandbox, token, op, **members):
    """One call of the test's own."""
    body = {"op": op, "token": token, **members}
    answer = requests.post(f"{sandbox.url}/backend/", json=body, timeout=60).json()
    assert answer["result"], answer
    return answer


def group_of(sandbox, token):
    return called(sandbox, token, "groupadd", group={"name": "everybody"})["group"]["gid"]


def members_of(sandbox, token, gid):
    """The members by the sandbox's record, with their rights."""
    asked = {"token": token, "gid": gid}
    told = requests.get(f"{sandbox.url}/_sandbox/groups", params=asked, timeout=60).json()
    (group,) = told["groups"]
    return group["members"]


def users(product, sandbox, token, rows):
    """So many users, known to the sandbox; their addresses."""
    job = product.submit(people(product.home / "p.csv", rows), "acme/shop")
    product.conserved(sandbox, token, job, rows)
    return [f"user{number}@example.com" for number in range(rows)]


def edited(product, verb, file, gid, *words):
    """The job document and the result rows of `groups members`."""
    asked = ("--app", "acme/shop", "--gid", str(gid), "--wait", "-o", "json", "--yes", *words)
    done = product.typed("groups", "members", verb, file, *asked)
    assert done.code in (0, 3), done
    rows = product.typed("jobs", "results", done.json["id"], "-o", "jsonl").out
    return done.json, [json.loads(line) for line in rows.splitlines()]


def test_of_a_thousand_members_three_unknown_ones_are_named_and_all_others_join(
    product, sandbox, token
):
    known = users(product, sandbox, token, 997)
    gid = group_of(sandbox, token)
    asked = [*known]
    for place, stranger in zip((17, 402, 403), sorted(STRANGERS), strict=True):
        asked.insert(place, stranger)
    file = product.home / "members.txt"
    file.write_text("\n".join(asked) + "\n")

    job, rows = edited(product, "add", str(file), gid)

    assert job["counts"]["succeeded"] == 997
    assert job["counts"]["failed"] == 3
    assert set(members_of(sandbox, token, gid)) == set(known)
    failed = [row for row in rows if row["outcome"] == "failed"]
    assert {row["key"]["address"] for row in failed} == STRANGERS
    assert {row["upstream"]["error"] for row in failed} == {"NOUSER"}
    joined = [row for row in rows if row["outcome"] == "succeeded"]
    assert {row["upstream"]["gid"] for row in joined} == {gid}
    assert {row["detail"] for row in joined} == {"member_added"}
    measured(f"1,000 members, 3 of them nobody's: {job['attempts']['calls']} calls")
    # Ten, and the halves of the two that were refused; each stranger is tried three times.
    assert job["attempts"]["calls"] <= 60
    assert sandbox.received(token, op="groupeditmembers")["requests"] == job["attempts"]["calls"]


@pytest.mark.parametrize("spelling", ["delete", "remove", "flat"])
def test_members_leave_again_however_a_removal_is_written(product, sandbox, token, spelling):
    known = users(product, sandbox, token, 150)
    gid = group_of(sandbox, token)
    file = product.home / "members.csv"
    file.write_text("name,address\n" + "".join(f"x,{one}\n" for one in known))
    edited(product, "add", str(file), gid, "--permission", "recv", "--admin", "owner")
    assert set(members_of(sandbox, token, gid)[known[0]]) == {"recv", "owner"}
    done = product.typed("apps", "set", "acme/shop", "--remove-members-by", spelling)
    assert done.code == 0, done
    file.write_text("address\n" + "".join(f"{one}\n" for one in known[:120]))

    job, rows = edited(product, "remove", str(file), gid)

    assert job["counts"]["succeeded"] == 120
    assert job["attempts"]["calls"] == 2
    assert {row["detail"] for row in rows} == {"member_removed"}
    assert set(members_of(sandbox, token, gid)) == set(known[120:])


def test_a_group_that_is_not_there_costs_no_search_for_a_guilty_member(product, sandbox, token):
    known = users(product, sandbox, token, 200)
    file = product.home / "members.txt"
    file.write_text("\n".join(known))

    job, rows = edited(product, "add", str(file), 999_999)

    assert job["counts"]["failed"] == 200
    assert {row["upstream"]["error"] for row in rows} == {"NOGROUP"}
    assert job["attempts"]["calls"] <= 6


def test_a_dry_run_says_how_many_calls_it_takes_and_makes_no_job(product, token):
    file = product.home / "members.txt"
    file.write_text("".join(f"user{number}@example.com\n" for number in range(250)))
    asked = ("--app", "acme/shop", "--gid", "404101", "--dry-run", "-o", "json")

    done = product.typed("groups", "members", "add", str(file), *asked)

    assert done.code == 0, done
    assert (done.json["counts"]["to_send"], done.json["calls"]) == (250, 3)
    assert product.jobs() == []


def test_a_group_that_is_not_known_and_a_removal_nobody_confirms_are_refused(product, token):
    file = product.home / "members.txt"
    file.write_text("ann@example.com\n")
    on = ("--app", "acme/shop")

    unknown = product.typed("groups", "members", "add", str(file), *on, "--gid", "staff")
    unasked = product.typed("groups", "members", "remove", str(file), *on, "--gid", "404101")

    assert unknown.code == 2, unknown
    assert "no group 'staff' on our record" in unknown.err
    assert unasked.code == 6, unasked
    assert product.jobs() == []
