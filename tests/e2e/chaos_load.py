"""Jobs of every kind for a site under attack, and what the sandbox's record says of each item."""

import json
import secrets
import time
from collections import Counter, defaultdict

import requests

from bulkhead.client import Options
from tests.e2e.product import until

ONCE_LATENCY = 0.1
"""Seconds, always the same: so the record tells which calls were on the wire at a kill."""
SAFE_LATENCY = 0.03
ARRIVES = 0.3
"""Seconds in which what a killed worker had sent may still arrive."""
LOST = ("drop_after_commit", "error5xx", "cut_json", "reset")
RATES = {"acme/shop": 120, "acme/rotate": 20, "bolt/token": 20, "bolt/delete": 20, "cafe/call": 4}
ONCE = {"acme/rotate": "useradd", "bolt/token": "userset", "cafe/call": "message"}


class Load:
    """Jobs of every kind, over apps of three tenants, as long as they are wanted."""

    def __init__(self, site, seconds, chance):
        self.site, self.chance = site, chance
        self.tokens = {app: secrets.token_hex(24) for app in RATES}
        self.jobs, self.open = defaultdict(list), defaultdict(list)
        self.next = Counter()
        self.calls = {}
        self.added = 0.0
        number = max(150, int(RATES["acme/rotate"] * seconds))
        self.people = dict.fromkeys(("acme/rotate", "bolt/token", "bolt/delete"), number)
        for token in self.tokens.values():
            site.sandbox.register(token)
        self.apply(RATES | {"acme/rotate": 2000})
        # What is on our record needs no call but the one for the token: then each call is a `once`.
        known = site.client.import_users(self.rows("acme/rotate", 0, number), app="acme/rotate")
        for app in ("bolt/token", "bolt/delete"):
            self.provide(app, number)
        assert known.wait(timeout=600).state.value == "completed"
        self.apply(RATES)
        until(site.sandbox.calls)
        self.started = time.time()

    def apply(self, rates):
        """Make the fleet so: one command for all apps."""
        always = {"max_in_flight": 48, "max_attempts": 90, "retry_first": "0.2s"}
        always |= {"retry_longest": "2s", "base_url": f"{self.site.sandbox.url}/backend/"}
        names = {app: app.replace("/", "_").upper() for app in rates}
        apps = {
            app: {"rate": f"{rate}/s", "burst": max(1, rate // 5), "token_env": names[app]}
            for app, rate in rates.items()
        }
        file = self.site.product.home / "fleet.yaml"
        file.write_text(json.dumps({"defaults": always, "apps": apps}))
        known = {names[app]: token for app, token in self.tokens.items()}
        done = self.site.product.run("apps", "apply", str(file), **known)
        assert done.code == 0, done

    def provide(self, app, number):
        """Users that exist at the stand-in, whoever made them."""
        with requests.Session() as session:
            for row in self.rows(app, 0, number):
                asked = {"op": "useradd", "token": self.tokens[app], "user": row}
                session.post(f"{self.site.sandbox.url}/backend/", json=asked, timeout=60)

    def rows(self, app, first, number):
        name = app.replace("/", "-")
        return [{"address": f"{name}-{n}@example.com"} for n in range(first, first + number)]

    def add(self):
        """Order a little more of whatever runs short."""
        if time.monotonic() < self.added + 1:
            return
        self.added = time.monotonic()
        for app, rate in RATES.items():
            self.open[app] = [job for job in self.open[app] if not job.refresh().ended]
            if sum(job.counts.total - job.counts.settled for job in self.open[app]) < rate * 4:
                self.order(app, rate * 4)

    def order(self, app, number):
        client, first = self.site.client, self.next[app]
        number = min(number, self.people.get(app, 1 << 30) - first)
        if number <= 0:
            return
        asked = {"idempotency_key": f"{app} {first}"}
        rows = self.rows(app, first, number)
        match app:
            case "acme/shop":
                made = [client.import_users(rows, app=app, **asked)]
            case "acme/rotate":
                made = [client.import_users(rows, app=app, tokens="rotate", **asked)]
            case "bolt/token":
                made = [client.issue_tokens(rows, app=app, **asked)]
            case "bolt/delete":
                made = [client.delete_users(rows, app=app, **asked)]
            case _:
                made = [self.call(app, row["address"]) for row in rows]
        self.jobs[app] += made
        self.open[app] += made
        self.next[app] += number

    def call(self, app, address):
        members = {"message": {"from": "news", "to": address, "message": "Hello"}}
        # Ordered again after the store went away, it is the same job.
        options = Options(idempotency_key=address)
        job = self.site.client.call("message", app=app, body=members, options=options)
        self.calls[job.id] = address
        return job

    def trouble(self, burst):
        """Latency always; answers lost now and then; refusals for being too fast in a burst."""
        rules = []
        for app, token in self.tokens.items():
            fixed = app in ONCE
            ms = ONCE_LATENCY if fixed else SAFE_LATENCY
            spread = {"ms": ms * 1e3} if fixed else {"median_ms": ms * 1e3, "p99_ms": 300}
            rules.append({"fault": "latency", "token": token, **spread})
        rules += [{"fault": fault, "probability": 0.003} for fault in LOST]
        rules.append({"fault": "error5xx", "commit": True, "probability": 0.003})
        rules.append({"fault": "reset", "commit": True, "probability": 0.003})
        if burst:
            throttled = self.chance.choice(list(self.tokens.values()))
            rules.append({"fault": "throttle", "token": throttled, "probability": 0.7, "for_s": 2})
        self.site.sandbox.faults(*rules)

    def any(self):
        """Jobs of which most have not ended."""
        return [job for jobs in self.jobs.values() for job in jobs[-20:]]

    def all(self):
        return [job for jobs in self.jobs.values() for job in jobs]

    def finish(self):
        """Let everything that was ordered come to its end; what was cancelled is tried again."""
        self.site.sandbox.faults()
        for app, jobs in list(self.jobs.items()):
            for job in jobs:
                if job.refresh().state.value == "paused":
                    job.resume()
                if job.state.terminal:
                    job.wait(timeout=300)
            # Only what was certainly not called: nobody else may be asked for twice.
            again = [job for job in jobs if job.state.value == "cancelled"]
            retried = [job.retry("not_attempted") for job in again if job.counts.cancelled]
            self.calls |= {
                new.id: self.calls[old.id]
                for old, new in zip([j for j in again if j.counts.cancelled], retried, strict=True)
                if old.id in self.calls
            }
            self.jobs[app] += retried
        for job in self.all():
            until(lambda job=job: job.refresh().ended, 300)


def key_of(load, job, result):
    return load.calls.get(job.id) or result.key["address"]


def outcomes(load, app):
    """What the product says of each key, the last word of its jobs; and that the counts add up."""
    found, codes = {}, Counter()
    for job in load.jobs[app]:
        counts = job.refresh().to_dict()["counts"]
        assert counts["total"] == sum(n for name, n in counts.items() if name != "total"), counts
        said = Counter()
        for result in job.results():
            said[result.outcome] += 1
            found[key_of(load, job, result)] = result.outcome
            if result.outcome == "failed":
                codes[result.code] += 1
        for outcome, number in said.items():
            assert counts[outcome] == number, (job.id, outcome, counts, said)
    return found, codes


class Record:
    """The sandbox's own record of one app's calls since the chaos began."""

    def __init__(self, load, app, op=None):
        self.calls = defaultdict(list)
        for entry in load.site.sandbox.calls(load.tokens[app]).entries:
            if entry["t"] >= load.started and op in (None, entry["op"]):
                self.calls[entry["key"]].append(entry)

    def applied(self, key):
        return sum(committed(entry) for entry in self.calls[key])


def committed(entry):
    return entry["outcome"] == "ok" or entry["outcome"].startswith("committed:")


def lost(entry):
    return entry["outcome"].partition(":")[2] in LOST


def why_unknown(record, key, kills):
    """What the record says about an item that the product does not know the end of."""
    entries = [one for one in record.calls[key] if one["outcome"] != "throttled"]
    if not entries:
        return "never sent"
    last = entries[-1]
    if lost(last):
        return "answer lost"
    spans = [kill.at for kill in kills if -ARRIVES <= kill.at - last["t"] <= ONCE_LATENCY + 0.05]
    return "on the wire" if spans else "answered, not settled"
