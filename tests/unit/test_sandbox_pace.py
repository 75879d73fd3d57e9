"""The sandbox's rate limit and its latencies, with the clock and the chance handed in."""

from __future__ import annotations

from random import Random
from statistics import quantiles

import pytest

from sandbox.app import Bucket
from sandbox.call import NotACall, read_call
from sandbox.spoil import Latency


def test_a_bucket_lets_one_second_of_calls_through_at_once_and_then_its_rate():
    bucket = Bucket(rate=10)

    at_once = sum(bucket.take(now=100.0) == 0 for _ in range(50))
    later = sum(bucket.take(now=100.0 + ms / 1000) == 0 for ms in range(1, 2001))

    assert at_once == 10
    assert later == pytest.approx(20, abs=1)


def test_a_bucket_says_how_long_to_wait():
    bucket = Bucket(rate=0.5)
    bucket.take(now=100.0)

    assert bucket.take(now=101.0) == pytest.approx(1.0)
    assert bucket.take(now=102.0) == 0


def test_a_clock_that_steps_back_gives_nothing_away():
    bucket = Bucket(rate=1)
    bucket.take(now=100.0)

    assert bucket.take(now=50.0) == pytest.approx(1.0)


def test_a_long_tail_has_the_median_and_the_p99_asked_for():
    random = Random(1)
    latency = Latency(median_s=0.05, p99_s=0.8)

    cuts = quantiles((latency.draw(random) for _ in range(50_000)), n=100)

    assert cuts[49] == pytest.approx(0.05, rel=0.05)
    assert cuts[98] == pytest.approx(0.8, rel=0.1)


def test_a_fixed_latency_is_the_same_each_time():
    latency = Latency(median_s=0.05, p99_s=0.05)

    assert {latency.draw(Random(n)) for n in range(9)} == {0.05}


def test_a_body_of_any_bytes_is_a_call_or_is_not_one():
    random = Random(7)
    form = b'--e\r\nContent-Disposition: form-data; name="op"\r\n\r\nuseradd\r\n--e--\r\n'
    for _ in range(3_000):
        body = bytearray(form)
        for _ in range(random.randrange(8)):
            body[random.randrange(len(body))] = random.randrange(256)
        kind = random.choice(["multipart/form-data; boundary=e", "multipart/;;", ""])
        try:
            assert read_call(bytes(body), kind).token == ""
        except NotACall:
            continue
