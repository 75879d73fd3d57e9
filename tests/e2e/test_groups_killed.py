"""Answers that are lost and a worker that is killed make no second group of a custom_id."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.group_rig import GroupRig
from tests.e2e.product import measured, until


@pytest.mark.parametrize("groups", [400, pytest.param(5_000, marks=pytest.mark.slow)])
def test_every_custom_id_has_one_group_and_our_record_names_it(wounded, groups):
    product, sandbox = wounded, wounded.stand_in
    rig = GroupRig(product, sandbox, "--rate", "200/s", "--burst", "20")
    sandbox.faults(
        {"fault": "drop_after_commit", "op": "groupadd", "probability": 0.03},
        {"fault": "reset", "op": "groupadd", "probability": 0.03},
    )
    path = rig.file(*({"custom_id": f"g{n}", "name": f"Group {n}"} for n in range(groups)))
    made = product.typed("groups", "create", str(path), "--app", "acme/shop", "-o", "json")
    [worker] = product.workers()
    until(lambda: len(rig.there()) >= groups // 3)

    os.kill(worker, signal.SIGKILL)
    job, rows = rig.ended(made.json["id"])

    names, known = rig.names(), rig.known()
    there = {group["name"]: gid for gid, group in rig.there().items()}
    assert len(rows) == groups
    assert max(names.values()) == 1
    assert {row["outcome"] for row in rows.values()} <= {"succeeded", "unknown"}
    for row in rows.values():
        name = f"Group {row['key']['custom_id'][1:]}"
        if row["outcome"] == "succeeded":
            assert row["upstream"]["gid"] == there[name] == known[row["key"]["custom_id"]]
        else:
            assert name not in there

    sandbox.faults()
    again, rows = rig.run("create", path)

    measured(f"{groups} groups, worker killed: {job['counts']}, then {again['counts']}")
    assert rig.names() == {f"Group {n}": 1 for n in range(groups)}
    assert again["counts"]["succeeded"] == job["counts"]["unknown"]
    assert again["counts"]["skipped"] == job["counts"]["succeeded"]
    assert rig.known() == {f"g{name[6:]}": gid for gid, name in _names(rig)}


def _names(rig):
    return [(gid, group["name"]) for gid, group in rig.there().items()]
