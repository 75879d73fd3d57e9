"""An app with a sender, people and groups, as a person at a keyboard and as the sandbox sees it."""

import itertools

import requests

SENDER = "news@example.com"


class App:
    """One app of a product; the sandbox knows its sender and the people that are named."""

    _numbers = itertools.count(1)

    def __init__(self, product, stand_in, *words, people=(), name=""):
        self.product, self.stand_in = product, stand_in
        self.name = name or f"acme/shop{next(self._numbers)}"
        self.token = product.app(self.name, stand_in, *(words or ("--rate", "2000/s")))
        for address in (SENDER, *people):
            self.backend("useradd", user={"address": address})

    def backend(self, op, **members):
        """A call that is made by other means than ours."""
        body = {"op": op, "token": self.token, **members}
        answer = requests.post(f"{self.stand_in.url}/backend/", json=body, timeout=60).json()
        assert answer["result"], answer
        return answer

    def groups(self, number, **members):
        """So many groups that our record does not know: their gids."""
        named = ({"name": f"group {n}", **members} for n in range(number))
        return [self.backend("groupadd", group=one)["group"]["gid"] for one in named]

    def file(self, name, text):
        path = self.product.home / name
        path.write_text(text, "utf-8")
        return str(path)

    def typed(self, *words, code=0, **more):
        """A command typed to its end, with the exit code that it must have."""
        done = self.product.typed(*map(str, words), **more)
        assert done.code == code, done
        return done

    def create(self, *words, code=0, yes=True, **more):
        """`broadcast create` as JSON."""
        given = ("--app", self.name, "--from", SENDER, *(("--yes",) if yes else ()))
        return self.typed("broadcast", "create", *given, *words, "-o", "json", code=code, **more)

    def sent(self, *words, code=0, **more):
        """The document of a broadcast that was waited for."""
        return self.create(*words, "--wait", "--timeout", "100s", code=code, **more).json

    def control(self, verb, job, *words, code=0):
        return self.typed("broadcast", verb, job, *words, "-o", "json", code=code)

    def results(self, job):
        return self.typed("jobs", "results", job, "-o", "json").json

    def received(self):
        """The keys of all messages in the order in which the sandbox received them."""
        query = {"token": self.token, "op": "message"}
        found = requests.get(f"{self.stand_in.url}/_sandbox/received", params=query, timeout=60)
        return [one["key"] for one in found.json()["items"]]

    def jobs(self):
        return self.typed("jobs", "list", "--app", self.name, "-o", "json").json
