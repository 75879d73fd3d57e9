"""A broadcast as a person at a keyboard makes it, and what arrives at the sandbox."""

import json
import secrets

import pytest
import requests

from tests.e2e.product import until

SENDER = "news@example.com"


class App:
    """One app whose sender, people and groups the sandbox has."""

    def __init__(self, product, stand_in, *words, people=()):
        self.product, self.stand_in = product, stand_in
        self.name = "acme/shop"
        self.token = product.app(self.name, stand_in, "--rate", "2000/s", *words)
        self.gids = []
        for address in (SENDER, *people):
            self.backend("useradd", user={"address": address})

    def backend(self, op, **members):
        """A call that mesibo's customer makes by other means."""
        body = {"op": op, "token": self.token, **members}
        answer = requests.post(f"{self.stand_in.url}/backend/", json=body, timeout=60).json()
        assert answer["result"], answer
        return answer

    def groups(self, number):
        """So many groups that our record does not know: their gids."""
        made = [self.backend("groupadd", group={"name": f"g{n}"}) for n in range(number)]
        return [one["group"]["gid"] for one in made]

    def file(self, name, text):
        path = self.product.home / name
        path.write_text(text, "utf-8")
        return str(path)

    def typed(self, *words, code=0, **more):
        done = self.product.typed(*map(str, words), **more)
        assert done.code == code, done
        return done

    def create(self, *words, code=0, yes=True, **more):
        """`broadcast create` as JSON."""
        given = ("--app", self.name, "--from", SENDER, *(("--yes",) if yes else ()))
        return self.typed("broadcast", "create", *given, *words, "-o", "json", code=code, **more)

    def sent(self, *words, code=0):
        """The document of a broadcast that was waited for."""
        return self.create(*words, "--wait", "--timeout", "100s", code=code).json

    def results(self, job):
        return self.typed("jobs", "results", job, "-o", "json").json

    def messages(self):
        """Every message that the sandbox received, by its key."""
        query = {"token": self.token, "op": "message"}
        found = requests.get(f"{self.stand_in.url}/_sandbox/received", params=query, timeout=60)
        return found.json()


@pytest.fixture
def app(standing, sandbox):
    made = App(standing, sandbox, people=("ann@example.com", "bob@example.com"))
    yield made


def test_groups_and_people_get_one_call_each(app):
    gids = app.groups(2)
    users = app.file("people.csv", "address,name\nann@example.com,Ann\nbob@example.com,Bob\n")

    words = ("--to-groups", ",".join(map(str, gids)), "--to-users", users)
    job = app.sent(*words, "--message", "Hello")

    assert job["state"] == "completed"
    assert job["counts"]["succeeded"] == 4
    assert (job["input"]["groups"], job["input"]["users"]) == (2, 2)
    assert len(job["input"]["sha256"]) == 64
    rows = app.results(job["id"])
    assert [row["key"] for row in rows] == [
        {"gid": str(gids[0])},
        {"gid": str(gids[1])},
        {"address": "ann@example.com"},
        {"address": "bob@example.com"},
    ]
    assert all(row["upstream"]["mid"] for row in rows)
    print(json.dumps(app.messages())[:3000], secrets, until)
