"""Rebuild a job's counts from a DEBUG log: `count_items.py JOB < bulkhead.log`.

An item may end more than once: its worker died before it could tell the store, or the truth
came after `unknown`. The last word counts, except that `unknown` never replaces a truth.
"""

import json
import sys
from collections import Counter

FINAL = {"succeeded", "skipped", "failed", "unknown"}
job, ended = sys.argv[1], {}
for line in sys.stdin:
    entry = json.loads(line) if '"item_finished"' in line and line[0] == "{" else {}
    if entry.get("job") == job and entry["outcome"] in FINAL:
        new = entry["outcome"] != "unknown" or entry["item"] not in ended
        ended |= {entry["item"]: entry["outcome"]} if new else {}
print(json.dumps(Counter(ended.values())))
