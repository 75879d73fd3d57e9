"""Groups, their members and one message to all of them, while answers are lost and workers die."""

import os
import signal
from collections import Counter

import pytest
import requests

from tests.e2e.broadcast_rig import App
from tests.e2e.chaos_load import committed
from tests.e2e.product import alive, measured, people, until

MEMBERS = 5
KILLS, AT_ONCE = 3, 32


class Crowd(App):
    """An app with people in groups, each of five, and each person in ten of them."""

    def __init__(self, product, sandbox, number):
        rate = max(40, number // 20)
        super().__init__(product, sandbox, "--rate", f"{rate}/s", "--max-in-flight", str(AT_ONCE))
        self.number = number
        count = max(MEMBERS, number // 2)
        crowd = people(product.home / "people.csv", count)
        self.typed("users", "import", crowd, "--app", self.name, "--wait", "--timeout", "600s")
        lines = ["custom_id,name,members"]
        for n in range(number):
            joined = (
                f"user{(n * MEMBERS + place) % count}@example.com" for place in range(MEMBERS)
            )
            lines.append(f'g{n},Group {n},"{",".join(joined)}"')
        self.groups_file = self.file("groups.csv", "\n".join(lines) + "\n")

    def create_groups(self):
        """Until no group of the file is in doubt; how many times the command was typed."""
        words = ("groups", "create", self.groups_file, "--app", self.name, "--wait", "-o", "json")
        for times in range(1, 6):
            done = self.product.typed(*words, "--timeout", "900s")
            if done.code == 0:
                return times
            assert done.code == 3, done
            assert done.json["counts"]["failed"] == 0, done
            job = done.json["id"]
            self.product.typed("jobs", "retry", job, "--only", "unknown", "--yes", "--wait")
        raise AssertionError(done)

    def groups_there(self):
        """Each group that the stand-in has: its name and its members."""
        query = {"token": self.token}
        url = f"{self.stand_in.url}/_sandbox/groups"
        return requests.get(url, params=query, timeout=120).json()["groups"]


def trouble(sandbox, share):
    """So large a part of the answers is lost after the deed, another before or after it."""
    sandbox.faults(
        {"fault": "drop_after_commit", "probability": share},
        {"fault": "reset", "probability": share / 2},
        {"fault": "reset", "commit": True, "probability": share / 2},
    )


def kill_at(product, job, parts):
    """`kill -9` of a worker each time that so large a part of the job has ended."""
    for part in parts:
        until(lambda part=part: ended(product.job(job)["counts"]) >= part, 600)
        # One that was killed before beats for some seconds more, to whoever reads.
        os.kill(until(lambda: [pid for pid in product.workers() if alive(pid)])[0], signal.SIGKILL)


def ended(counts):
    return 1 - (counts["pending"] + counts["in_flight"]) / counts["total"]


@pytest.mark.timeout(3000)
@pytest.mark.parametrize(
    ("number", "share"), [(120, 0.05), pytest.param(10_000, 0.01, marks=pytest.mark.slow)]
)
def test_each_group_gets_the_message_once_or_is_unknown_and_none_gets_it_twice(
    product, number, share
):
    sandbox = product.sandbox()
    product.up(workers=2, sandbox=False)
    crowd = Crowd(product, sandbox, number)
    trouble(sandbox, share)
    times = crowd.create_groups()
    there = crowd.groups_there()
    assert len(there) == number
    assert Counter(len(group["members"]) for group in there) == {MEMBERS: number}
    gids = crowd.file("gids.txt", "".join(f"g{n}\n" for n in range(number)))

    job = crowd.create("--to-groups", gids, "--message", "Hello").json["id"]
    kill_at(product, job, [(n + 1) / (KILLS + 1) for n in range(KILLS)])
    until(lambda: product.job(job)["state"].startswith("completed"), 600)

    said = {row["key"]["gid"]: row["outcome"] for row in crowd.results(job)}
    calls = [one for one in sandbox.calls(crowd.token).entries if one["op"] == "message"]
    heard = Counter(one["key"].removeprefix("gid:") for one in calls if committed(one))
    spoiled = Counter(one["outcome"] for one in calls if one["outcome"] != "ok")
    found = Counter(said.values())
    measured(f"{number} groups in {times} commands; {dict(found)}, faults: {dict(spoiled)}")
    assert set(found) <= {"succeeded", "unknown"}
    assert len(said) == number
    assert found["unknown"] <= spoiled.total() + KILLS * AT_ONCE
    assert max(heard.values()) == 1
    assert {gid for gid, what in said.items() if what == "succeeded"} <= set(heard)
    assert crowd.typed("jobs", "audit", job, "-o", "json").json
