"""The ten-line script, on lines written by hand."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "tools" / "count_items.py"


def counted(*ends):
    """What the script makes of (item, outcome) pairs, among lines that are none of its business."""
    lines = [
        {"event": "item_finished", "job": "job_1", "item": item, "outcome": outcome}
        for item, outcome in ends
    ]
    lines += [
        {"event": "item_finished", "job": "job_2", "item": 9, "outcome": "failed"},
        {"event": "slice_finished", "job": "job_1", "succeeded": 5},
    ]
    text = "Bulkhead is up.\n" + "".join(f"{json.dumps(line)}\n" for line in lines)
    done = subprocess.run(
        [sys.executable, SCRIPT, "job_1"], input=text, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_each_item_counts_once_by_its_last_end():
    again = [(1, "again"), (1, "succeeded"), (2, "throttled"), (2, "failed"), (3, "succeeded")]

    assert counted(*again, (3, "succeeded")) == {"succeeded": 2, "failed": 1}


def test_unknown_gives_way_to_the_truth_whichever_came_first():
    ends = [(1, "unknown"), (1, "succeeded"), (2, "failed"), (2, "unknown"), (3, "unknown")]

    assert counted(*ends) == {"succeeded": 1, "failed": 1, "unknown": 1}
