"""The store's instants in this machine's own time."""

from bulkhead.model.slice import Begun
from tasks.clocks import LATE, Clocks, Window


def test_a_slow_exchange_makes_no_call_early_and_none_late():
    begun = Begun(left=1_500_000, since_claim=500_000, app_version="1", tries={})

    window = Clocks().window(begun, asked_at=100.0, answered_at=100.2)

    # The store answered somewhere between: the claim was between 99.5 and 99.7.
    assert window.instant(0) == 99.7
    assert window.instant(250_000) == 99.95
    assert window.closes == 101.5


def test_a_permit_is_good_for_a_moment_only():
    window = Window(opens=10.0, closes=12.0)

    assert not window.missed(11.0, 11.0 + LATE)
    assert window.missed(11.0, 11.0 + LATE + 0.001)


def test_no_call_starts_after_the_window_closes_whatever_its_permit():
    window = Window(opens=10.0, closes=12.0)

    assert window.missed(11.99, 12.01)
