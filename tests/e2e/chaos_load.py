"""Jobs of every kind for a site under attack, and what the sandbox's record says of each item."""

import time
from collections import Counter, defaultdict

from tests.e2e.product import until

ONCE_LATENCY = 0.1
"""Seconds, always the same: so the record tells which calls were on the wire at a kill."""
SAFE_LATENCY = 0.03
ARRIVES = 0.3
"""Seconds in which what a killed worker had sent may still arrive."""
LOST = ("drop_after_commit", "error5xx", "cut_json", "reset")
RATES = {"acme/shop": 120, "acme/rotate": 20, "bolt/token": 20, "bolt/delete": 20, "cafe/call": 8}
ONCE = {"acme/rotate": "useradd", "bolt/token": "userset", "cafe/call": "message"}


class Load:
    """Jobs of every kind, over apps of three tenants, as long as they are wanted."""

    def __init__(self, site, seconds, chance):
        self.site, self.chance = site, chance
        self.tokens, self.jobs = {}, defaultdict(list)
        self.next = Counter()
        self.calls = {}
        for app in RATES:
            fast = ("--rate", "2000/s", "--burst", "100", "--max-in-flight", "48")
            patient = ("--max-attempts", "90", "--retry-first", "0.2s", "--retry-longest", "2s")
            self.tokens[app] = site.product.app(app, site.sandbox, *fast, *patient)
        self.people = {app: max(200, int(RATES[app] * seconds)) for app in list(RATES)[1:4]}
        known = [
            site.client.import_users(self.rows(app, 0, number), app=app)
            for app, number in self.people.items()
        ]
        for job in known:
            assert job.wait(timeout=600).state.value == "completed"
        for app, rate in RATES.items():
            words = ("--rate", f"{rate}/s", "--burst", str(max(1, rate // 5)))
            assert site.product.run("apps", "set", app, *words).code == 0
        until(site.sandbox.calls)
        self.started = time.time()

    def rows(self, app, first, number):
        name = app.replace("/", "-")
        return [{"address": f"{name}-{n}@example.com"} for n in range(first, first + number)]

    def add(self):
        """Order a little more of whatever runs short."""
        for app, rate in RATES.items():
            left = [job for job in self.jobs[app][-40:] if not job.refresh().ended]
            if len(left) < 4:
                self.order(app, max(2, rate * 2))

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
        self.next[app] += number

    def call(self, app, address):
        members = {"message": {"from": "news", "to": address, "message": "Hello"}}
        job = self.site.client.call("message", app=app, body=members)
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

    def all(self):
        return [job for jobs in self.jobs.values() for job in jobs]

    def finish(self):
        """Let everything that was ordered come to its end; what was cancelled is tried again."""
        self.site.sandbox.faults()
        for app, jobs in list(self.jobs.items()):
            for job in jobs:
                if job.refresh().state.value == "paused":
                    job.resume()
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
