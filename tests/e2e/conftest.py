"""The product under a home of its own, ended with the test."""

import pytest

from tests.e2e.product import Product


@pytest.fixture
def product(home):
    """Nothing runs yet; whatever the test starts ends with it."""
    made = Product(home)
    yield made
    made.end()
