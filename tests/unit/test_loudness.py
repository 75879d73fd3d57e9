"""How loud a worker tells of what comes nearer."""

import logging

import pytest

from worker.pulse import loudness


@pytest.mark.parametrize(
    ("days", "level"),
    [
        (60, logging.INFO),
        (30, logging.INFO),
        (14, logging.WARNING),
        (7, logging.WARNING),
        (1, logging.ERROR),
        (0, logging.ERROR),
    ],
)
def test_the_nearer_an_end_the_louder_it_is_told(days, level):
    assert loudness(days) == level
