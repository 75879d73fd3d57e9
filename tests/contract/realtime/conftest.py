"""Both packages, each test in processes of its own."""

import importlib.util

import pytest

from tests.contract.realtime.stage import Stage

STANDIN, REAL = "sandbox.standin", "mesibo"


@pytest.fixture
def staged(tmp_path):
    """Begin a process with a package; it ends with the test."""
    stages = []

    def begin(package=STANDIN, folder=None, **environment):
        folder = tmp_path / (folder or f"stage{len(stages)}")
        folder.mkdir(exist_ok=True)
        stages.append(Stage(package, folder, **environment))
        return stages[-1]

    yield begin
    for stage in stages:
        stage.close()


@pytest.fixture(params=[STANDIN, REAL])
def package(request):
    """The name of either; the real one only where it can be had."""
    if request.param == REAL and importlib.util.find_spec(REAL) is None:
        pytest.skip("the package mesibo is not installed for this Python")
    return request.param


@pytest.fixture
def stage(staged, package):
    """A process that has imported the package, without a server to reach."""
    return staged(package)


@pytest.fixture(scope="session")
def refuses_to_start(tmp_path_factory):
    """Whether the installed package says that it is too old; found out once, by its words."""
    if importlib.util.find_spec(REAL) is None:
        return False
    stage = Stage(REAL, tmp_path_factory.mktemp("age"))
    try:
        stage.listen()
        stage.signed_in().start()
        return "too old" in stage.said
    finally:
        stage.close()


@pytest.fixture
def unexpired(package, refuses_to_start):
    """For what only a package does that still starts."""
    if package == REAL and refuses_to_start:
        pytest.skip("the installed mesibo package reports itself too old: it does not start")


@pytest.fixture
def expired(staged, package, refuses_to_start):
    """A process whose package refuses to start."""
    if package == REAL and not refuses_to_start:
        pytest.skip("the installed mesibo package starts: it is not too old")
    return staged(package, MESIBO_STANDIN="too_old")
