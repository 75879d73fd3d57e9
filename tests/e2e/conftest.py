"""The product under a home of its own, ended with the test or with the module."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.inbound_stand import Stand
from tests.e2e.product import Product
from tests.e2e.standing import Standing


@pytest.fixture(scope="session")
def _stand_in():
    """A sandbox for all tests: nobody ends it."""
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    made = Product(folder)
    try:
        yield made.sandbox()
    finally:
        made.end()
        shutil.rmtree(folder)


@pytest.fixture
def product(home, _stand_in):
    """Nothing of it runs yet; whatever the test starts ends with it."""
    made = Product(home, _stand_in)
    yield made
    made.end()
    _stand_in.faults()
    _stand_in.forget()


@pytest.fixture(scope="module")
def product_of_module(_stand_in):
    """Like `product`, for a whole module."""
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    made = Product(folder, _stand_in)
    try:
        yield made
    finally:
        made.end()
        _stand_in.faults()
        shutil.rmtree(folder)


@contextmanager
def _stands(stand_in):
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    made = None
    try:
        made = Standing(folder, stand_in)
        yield made
    finally:
        if made:
            made.end()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _standing(_stand_in):
    with _stands(_stand_in) as made:
        yield made


@pytest.fixture(scope="session")
def _wounded(_stand_in):
    with _stands(_stand_in) as made:
        yield made


@pytest.fixture
def wounded(_wounded):
    """Another one, for tests that kill what `up` starts again: its worker, its store."""
    yield _wounded
    assert _wounded.main.poll() is None, "up itself has ended"
    _wounded.clear()


@pytest.fixture
def standing(_standing):
    """A product that is up, with no app and no job, for a test that ends none of its processes."""
    yield _standing
    _standing.clear()


@pytest.fixture
def sandbox(standing):
    """The sandbox of the product that is up."""
    return standing.stand_in


@pytest.fixture(scope="module")
def module_product(_standing):
    """Like `standing`, for a whole module."""
    yield _standing
    _standing.clear()


@pytest.fixture(scope="module")
def site(module_product):
    """The same with demo/shop, as after `up --sandbox`: `site.sandbox` is its address."""
    return module_product.with_demo()


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
