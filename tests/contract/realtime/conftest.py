"""Both packages, each test in processes of its own."""

import fcntl
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.realtime.stage import Stage
from tests.integration.sandbox_process import TOKEN, running

STANDIN, REAL = "sandbox.standin", "mesibo"


@pytest.fixture(scope="session", autouse=True)
def imported_once():
    """Have the real package copy its library before two processes could do so at once."""
    spec = importlib.util.find_spec(REAL)
    if spec is None:
        return
    with Path(spec.origin).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        subprocess.run(
            [sys.executable, "-c", f"import {REAL}"], stdout=subprocess.DEVNULL, check=True
        )


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


@pytest.fixture(scope="session")
def _server():
    with running() as sandbox:
        yield sandbox


class Radio:
    """A sandbox with users, and processes of the stand-in that are signed in there."""

    app = TOKEN

    def __init__(self, server, staged):
        self.server = server
        self.staged = staged

    def register(self, **more):
        self.server.register(**more)
        for address in ("news", "ann", "ben", "cy"):
            self.server.add(address)

    def group(self, *members):
        answer = self.server.call(
            "groupadd", group={"name": "g", "members": {"m": ",".join(members)}}
        )
        return answer["group"]["gid"]

    def token(self, address, app_id="mesibo.contract"):
        user = {"address": address, "token": {"appid": app_id}}
        return self.server.call("useradd", user=user)["user"]["token"]

    def stage(self, address, *, token=None, folder=None, start=True):
        """A process of that user, online."""
        stage = self.staged(folder=folder, MESIBO_SANDBOX=f"http://127.0.0.1:{self.server.port}")
        stage.listen()
        stage.mesibo = stage.signed_in(token or self.token(address), database=True)
        if start:
            stage.mesibo.start()
            stage.wait_heard("onConnectionStatus", status=1)
        return stage

    def show(self, **query):
        status, shown = self.server.control("GET", "realtime", token=TOKEN, **query)
        assert status == 200
        return shown

    def do(self, name, **about):
        status, done = self.server.control(
            "POST", "realtime", {"token": TOKEN, "do": name, **about}
        )
        assert status == 200, done
        return done["sessions"]


@pytest.fixture
def radio(_server, staged):
    """An app with the users news, ann, ben and cy, as new."""
    _server.control("POST", "reset")
    radio = Radio(_server, staged)
    radio.register()
    return radio
