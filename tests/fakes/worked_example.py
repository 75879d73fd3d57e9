"""The worked example of docs/engine.md; `python -m tests.fakes.worked_example` writes it there."""

import re
import shutil
import tempfile
from pathlib import Path

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.model.ranges import indexes
from tests.fakes.engine import START, SUCCEEDED, World, report

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"
BLOCK = re.compile(
    r"(<!-- RUN: tests/fakes/worked_example.py -->\n```text\n)(.*?)(```\n)", re.DOTALL
)
CALL = 0.05
"""Seconds that each call takes here."""
FAILS, AGAIN = 2, 0.4
"""The item whose first call is answered with a 500, and seconds until it is tried again."""
JOB = ("state", "next", "in_flight", "succeeded", "failed", "version")


class Example:
    """Twelve rows, the ninth with a comma in its address, for an app at 20 calls a second."""

    def __init__(self, world):
        self.world = world
        self.lines = []
        self.tried = set()

    def run(self):
        """The whole story, as text."""
        world = self.world
        world.app("acme/shop", rate=20, burst=5, max_in_flight=4)
        self.job = world.submit(12, refused=(8,))
        self.say("submit", "twelve rows, one of them refused; the job is sealed and placed")
        self.show_job("map")
        self.show("zset", "ready", "main")
        self.show("zset", "ready", "main", "acme")
        self.show("zset", "app", "acme/shop", "jobs")
        self.show("list", "bell", "main")
        while not world.jobs.get(self.job).state.terminal:
            parts = world.claim(slots=24)
            if parts:
                self.round(parts)
            else:
                self.wait()
        self.say("end", "nothing is pending, nothing in flight")
        self.show_job("map")
        self.show(
            "hash", "app", "acme/shop", fields=("permits_granted", "permits_returned", "held")
        )
        return "\n".join(self.lines) + "\n"

    def round(self, parts):
        """One parcel: what was granted is begun, called and settled."""
        world = self.world
        for part in parts:
            items = ", ".join(f"{first}-{last}" for first, last in part.ranges)
            instants = " ".join(f"{offset // 1000:+d}" for offset in part.offsets)
            self.say("claim", f"lease {part.lease}: items {items}, {part.parallel} at once")
            self.add("", f"each holds a permit, for so many ms from now: {instants}")
            self.show("hash", "lease", part.lease, fields=("state", "worker", "left", "parallel"))
        self.show("hash", "app", "acme/shop", fields=("held", "tat"))
        self.show("zset", "wait")
        for part in parts:
            answer = world.begin(part)
            self.say(
                "begin", f"lease {part.lease}: calls may start for {answer.left // 1000} ms more"
            )
        self.show_job()
        for part in parts:
            world.advance(part.offsets[-1] / 1e6 + CALL)
            self.settle(part)

    def settle(self, part):
        world, items = self.world, list(indexes(part.ranges))
        retries = [(n, round(AGAIN * 1e6), 1, START // 1000, "") for n in items if n == FAILS]
        retries = [] if FAILS in self.tried else retries
        self.tried.update(items)
        done = [n for n in items if not (retries and n == FAILS)]
        told = f"lease {part.lease}: {len(done)} succeeded"
        if retries:
            told += f", item {FAILS} met a 500: again in {AGAIN * 1000:.0f} ms"
        facts = {"calls": len(items), "latency": round(CALL * 1e6), "retries": retries}
        world.settle(report(part, {SUCCEEDED: done}, **facts))
        self.say("settle", told)
        self.show_job("map")
        if retries:
            self.show("zset", "app", "acme/shop", "retry")

    def wait(self):
        """Nothing may start now: sleep on the bell until the earliest entry of `wait` is due."""
        ((member, due),) = self.world.redis.zrange(self.world.key("wait"), 0, 0, withscores=True)
        seconds = (due - self.world.now) / 1e6
        self.say(
            "wait",
            f"nothing to claim for {seconds * 1000:.0f} ms; then {self.named(member)} is due",
        )
        self.world.advance(seconds)

    def say(self, verb, what):
        self.lines.append(f"{self.milliseconds(self.world.now):>5} ms  {verb:<7} {what}")

    def add(self, name, what):
        self.lines.append(f"{'':>18}{name + '  ' if name else ''}{what}")

    def show_job(self, *parts):
        self.show("hash", "job", self.job, fields=JOB)
        for part in parts:
            packed = self.world.redis.get(self.world.key("job", self.job, part))
            self.add(f"job:J:{part}", " ".join(f"{byte:02x}" for byte in packed))

    def show(self, kind, *name, fields=()):
        world, key = self.world, self.world.key(*name)
        named = ":".join("J" if part == self.job else part for part in name)
        if kind == "hash":
            values = zip(fields, world.redis.hmget(key, fields), strict=True)
            told = [f"{field}={self.value(field, value)}" for field, value in values if value]
        elif kind == "zset":
            pairs = world.redis.zrange(key, 0, -1, withscores=True)
            told = [f"{self.named(member)} → {self.score(score)}" for member, score in pairs]
        else:
            told = [item.decode() for item in world.redis.lrange(key, 0, -1)]
        self.add(named, " ".join(told) or "(empty)")

    def value(self, field, value):
        text = value.decode()
        return f"{self.milliseconds(float(text))}ms" if field == "tat" else text

    def named(self, member):
        return member.decode().replace(self.job, "J")

    def score(self, score):
        return f"{self.milliseconds(score)} ms" if score > START / 2 else f"{score:g}"

    def milliseconds(self, instant):
        return round((instant - START) / 1000)


def example(world):
    """The text of the example, as it runs in this world."""
    return Example(world).run()


def main():
    """Run the example on a store of its own, and write it into the page."""
    home = Path(tempfile.mkdtemp(prefix="bh-"))
    server = EmbeddedStore.start(home)
    try:
        told = example(World(connect(server.url)))
    finally:
        server.stop()
        shutil.rmtree(home)
    page = PAGE.read_text("utf-8")
    PAGE.write_text(BLOCK.sub(lambda found: found[1] + told + found[3], page), "utf-8")


if __name__ == "__main__":
    main()
