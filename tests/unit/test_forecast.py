"""How long a job will take, before any of its calls is made."""

from bulkhead.model.forecast import Forecast, Limits, forecast


def test_what_fits_into_the_burst_takes_no_time():
    assert forecast(40, Limits(rate=20, burst=40, at_once=8)) == Forecast(0, "app_rate")


def test_beyond_the_burst_the_rate_decides():
    assert forecast(1040, Limits(rate=20, burst=40, at_once=8)) == Forecast(50, "app_rate")


def test_slow_answers_and_few_calls_at_once_decide_where_they_take_longer():
    limits = Limits(rate=1000, burst=1, at_once=2, latency=0.5)

    assert forecast(1001, limits) == Forecast(250.25, "max_in_flight")


def test_an_app_that_was_never_called_is_judged_by_its_rate_alone():
    limits = Limits(rate=10, burst=1, at_once=1, latency=None)

    assert forecast(11, limits) == Forecast(1, "app_rate")
