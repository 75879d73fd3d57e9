"""A simulation that cannot fail proves nothing: planted faults must be caught."""

import pytest

from tests.simulation.hunt import caught, table
from tests.simulation.mutants import MUTANTS
from tests.simulation.store import Edit

QUICK = (
    "settle without the fence",
    "refund twice",
    "mark nothing as sent",
    "slices of once items beyond a window",
    "begin tells too much time",
    "cancel leaves items claimable",
    "held is not given back",
    "cap ignored",
    "limiter off by a burst",
    "the next step is forgotten",
    "no wave waits for its soak",
    "a visit ends with its first part",
    "an event wakes nobody",
    "a worker sends before it begins",
)
"""Those that a second finds."""


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_fault_is_caught(quick_store, name):
    failed = caught(quick_store, MUTANTS[name])

    assert failed is not None, f"{name} survives every run"
    assert f'--mutant "{name}"' in str(failed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_planted_fault_is_caught(quick_store, capsys):
    found = {name: caught(quick_store, mutant) for name, mutant in MUTANTS.items()}

    with capsys.disabled():
        print(f"\n{table(found)}")
    assert [name for name, failed in found.items() if failed is None] == []


def test_a_mutant_whose_text_is_gone_says_so():
    edit = Edit("a line that no script ever had", "")

    with pytest.raises(AssertionError, match="0 times"):
        edit.of("")


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_the_text_of_every_mutant_is_in_its_script_exactly_once(name):
    for edit in MUTANTS[name].edits:
        assert edit.old in edit.file()
