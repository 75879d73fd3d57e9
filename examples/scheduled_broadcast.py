"""Order a broadcast for a time to come: once however often this runs, and looked at before.

`python scheduled_broadcast.py 'in 2h' news@example.com people.csv 404101 404102`
"""

import csv
import sys

from bulkhead.client import Bulkhead

MESSAGE = "Hello {{name}}, the sale begins."


def main(at, sender, file, *groups):
    with open(file, encoding="utf-8", newline="") as rows, Bulkhead.from_env() as bulkhead:
        job = bulkhead.broadcast(
            app="shop",
            sender=sender,
            groups=groups,
            users=csv.DictReader(rows),
            message=MESSAGE,
            variables={"name": "all"},
            at=at,
            expiry="6h",
            max_recipients=10_000,
            idempotency_key=f"sale {file}",
        )
        print(f"{job.id} is {job.state} for {job.counts.pending} recipients")
        for row in job.errors():
            print(f"line {row.line}: {row.message} {row.hint}")
        job = job.wait(timeout=3 * 3600)
        print(f"{job.counts.succeeded} accepted, {job.counts.unknown} unknown: not sent again")
        if job.counts.unknown or job.counts.failed:
            sys.exit(f"see `bulkhead jobs results {job.id}`")


if __name__ == "__main__":
    main(*sys.argv[1:])
