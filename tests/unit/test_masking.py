"""Masks hide what opens a thing and keep what names it."""

import pytest

from bulkhead.masking import mask_address, mask_url


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://ann:word@host/0", "redis://ann:***@host/0"),
        ("redis://:word@host/0", "redis://:***@host/0"),
        ("redis://word@host/0", "redis://***@host/0"),
        ("redis://:a@b/c@host/0", "redis://:***@host/0"),
        ("redis://host/0?password=word&db=1", "redis://host/0?password=***&db=1"),
        ("unix:///run/store.sock?db=0", "unix:///run/store.sock?db=0"),
        ("no url at all", "***"),
    ],
)
def test_a_url_is_shown_without_its_password(url, masked):
    assert mask_url(url) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [("ann@example.com", "an…@example.com"), ("4915112345678", "49…"), ("é", "é…"), ("", "…")],
)
def test_an_address_keeps_enough_to_be_recognised(address, masked):
    assert mask_address(address) == masked
