"""What the tests of groups share: files, jobs, and what the sandbox has in the end."""

from __future__ import annotations

import json
from collections import Counter

import requests

from bulkhead.engine.groups import Groups

APP = "acme/shop"


class GroupRig:
    """An app of a product, and the groups that the sandbox keeps for it."""

    def __init__(self, product, sandbox, *limits):
        self.product, self.sandbox = product, sandbox
        self.token = product.app(APP, sandbox, *limits)

    def users(self, *addresses):
        for address in addresses:
            body = {"op": "useradd", "token": self.token, "user": {"address": address}}
            requests.post(f"{self.sandbox.url}/backend/", json=body, timeout=60).raise_for_status()

    def file(self, *rows, name="groups.jsonl"):
        path = self.product.home / name
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return path

    def run(self, verb, path, *words, of="groups"):
        """Run a file to its end: its document and its rows by line."""
        given = ("--app", APP, "--yes", "-o", "json")
        made = self.product.typed(of, verb, str(path), *given, *words)
        assert made.code == 0, made
        return self.ended(made.json["id"])

    def ended(self, job):
        done = self.product.wait(job, 30)
        assert done.out, done
        listed = self.product.typed("jobs", "results", job, "-o", "jsonl")
        rows = [json.loads(line) for line in listed.out.splitlines()]
        return done.json, {row["line"]: row for row in rows}

    def there(self):
        """The groups that the sandbox has: gid → group."""
        url = f"{self.sandbox.url}/_sandbox/groups?token={self.token}"
        answer = requests.get(url, timeout=60)
        answer.raise_for_status()
        return {group["gid"]: group for group in answer.json()["groups"]}

    def members(self, gid):
        return set(self.there()[gid]["members"])

    def names(self):
        return Counter(group["name"] for group in self.there().values())

    def known(self):
        """Our record: custom_id → gid."""
        with self.product.look() as scripts:
            entries = list(Groups(scripts).entries(APP))
        return {known.custom_id: int(gid) for gid, known in entries if known.custom_id}
