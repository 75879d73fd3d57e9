"""Order a broadcast for a time to come: once however often this runs, and looked at before.

`python scheduled_broadcast.py 'in 2h' news@example.com people.csv 404101 404102`
"""

import csv
import sys

from bulkhead.client import Bulkhead

at, sender, file, *groups = sys.argv[1:]
text = {"message": "Hello {{name}}, the sale begins.", "variables": {"name": "all"}}
when = {"at": at, "expiry": "6h", "idempotency_key": f"sale {file}"}
with open(file, encoding="utf-8", newline="") as rows, Bulkhead.from_env() as bulkhead:
    to = {"groups": groups, "users": csv.DictReader(rows), "max_recipients": 10_000}
    job = bulkhead.broadcast(app="shop", sender=sender, **to, **text, **when)
    print(f"{job.id} is {job.state} for {job.counts.pending} recipients")
    for row in job.errors():
        print(f"line {row.line}: {row.message} {row.hint}")
    job = job.wait(timeout=3 * 3600)
    print(f"{job.counts.succeeded} accepted, {job.counts.unknown} unknown: not sent again")
    if job.counts.unknown or job.counts.failed:
        sys.exit(f"see `bulkhead jobs results {job.id}`")
