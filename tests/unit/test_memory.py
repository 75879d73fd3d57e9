"""The store's share of memory respects the limits of a container."""

import os

from bulkhead.engine.memory import usable_memory

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_without_a_limit_it_is_the_memory_of_the_machine(tmp_path):
    assert usable_memory(tmp_path, tmp_path / "missing") == MACHINE


def test_the_tightest_group_wins(tmp_path):
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text("104857600\n")
    (tmp_path / "membership").write_text("0::/outer/inner\n")

    assert usable_memory(tmp_path, tmp_path / "membership") == 104_857_600


def test_the_older_groups_are_understood(tmp_path):
    group = tmp_path / "memory" / "box"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("52428800\n")
    (tmp_path / "membership").write_text("3:cpu:/box\n2:memory:/box\n")

    assert usable_memory(tmp_path, tmp_path / "membership") == 52_428_800
