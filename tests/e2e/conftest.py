"""The product under a home of its own, ended with the test or with the module."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.e2e.inbound_stand import Stand
from tests.e2e.product import Product


@pytest.fixture
def product(home):
    """Nothing runs yet; whatever the test starts ends with it."""
    made = Product(home)
    yield made
    made.end()


@pytest.fixture
def sandbox(product):
    """The product with one worker, and a sandbox that does not end with it."""
    made = product.sandbox()
    product.up(workers=1, sandbox=False)
    return made


@pytest.fixture(scope="module")
def site():
    """`up --sandbox` for a whole module: `site.sandbox` is the stand-in's address."""
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    made = Product(folder)
    try:
        made.sandbox = made.up(workers=1).sandbox
        assert made.run("apps", "set", "demo/shop", "--rate", "2000/s").code == 0
        yield made
    finally:
        made.end()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def _inbound_stand(store_server, tmp_path_factory):
    stand = Stand(store_server, tmp_path_factory.mktemp("inbound"))
    yield stand
    stand.api.__exit__()


@pytest.fixture
def stand(_inbound_stand):
    """An empty store with one app, behind an API process that is the module's."""
    _inbound_stand.empty()
    return _inbound_stand


@pytest.fixture(scope="module")
def module_product():
    """Like `product`, for a whole module."""
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    made = Product(folder)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(folder)
