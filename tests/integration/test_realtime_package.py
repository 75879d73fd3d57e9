"""The real package: what ends a process that uses it raw is avoided by a session.

No network is needed and no token that anybody has is used. What crashes only with a release that
has not expired is skipped with one that has.
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bulkhead.errors import InvalidInput, SessionProblem
from bulkhead.model import realtime
from bulkhead.realtime.package import TOO_OLD, USABLE, examine
from bulkhead.realtime.session import Send, Session, Spec
from bulkhead.secrets import Secret
from tests.integration.test_realtime_session import Ears

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mesibo") is None,
    reason="the mesibo package is not installed: it has no release for this Python",
)

TOKEN = "canary0user0token0of0ann0abcdefwxyz"
RAW = """
import sys
import mesibo as package
from mesibo import *

class Whole(MesiboListener):
    def Mesibo_onConnectionStatus(self, status): return 0
    def Mesibo_onMessage(self, message): return 0
    def Mesibo_onMessageStatus(self, message): return 0
    def Mesibo_onMessageUpdate(self, message): return 0
    def Mesibo_onPresence(self, presence): return 0
    def Mesibo_onEndToEndEncryption(self, *what): return 0

api = getInstance()
held = Whole()

def begin(listener=held, token="nobody", name="a.name", database=True):
    if listener is not None: api.addListener(listener)
    if token: api.setAccessToken(token)
    if name: api.setAppName(name)
    if database: api.setPath(sys.argv[1]); api.setDatabase("mesibo.db", 0)

def message():
    made = api.newMessage("ann")
    made.message = "text"
    return made
"""


def raw(folder, lines):
    """How a process ends that does this with the package itself: a signal, or 0."""
    code = RAW + lines + "\nimport os, sys; sys.stdout.flush(); os._exit(0)"
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, timeout=60, check=False
    )
    return done.returncode


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What the self-check says of the package that is installed."""
    return examine(Spec("mesibo", tmp_path_factory.mktemp("examined")))


@pytest.fixture
def begun(tmp_path, eventually):
    """A session with the real package that has been started, and what was heard of it."""
    ears = Ears(eventually)
    session = Session(Spec("mesibo", tmp_path / "own"), ears)
    session.start(Secret(TOKEN))
    ears.first("started")
    yield session, ears
    session.close(0)


SIGSEGV, SIGABRT = -11, -6
BREAKING = """
class Breaking(Whole):
    def Mesibo_onMessage(self, message): {}
breaking = Breaking()
begin(breaking)
message().send()
"""
LACKING = """
class Lacking(MesiboListener):
    def Mesibo_onConnectionStatus(self, status): return 0
lacking = Lacking()
begin(lacking)
message().send()
"""


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("api.setAccessToken(None)", id="no token"),
        pytest.param("begin(name=None)\napi.start()", id="no app name"),
        pytest.param("begin(name='bulkhead')\napi.start()", id="no dot in the app name"),
        pytest.param(BREAKING.format("return None"), id="a callback returns nothing"),
        pytest.param(BREAKING.format("return 'text'"), id="a callback returns text"),
        pytest.param(BREAKING.format("raise ValueError"), id="a callback raises"),
        pytest.param(LACKING, id="a callback is missing"),
    ],
)
def test_the_package_itself_ends_the_process(tmp_path, lines):
    # Which of the two signals it is is the package's own affair.
    assert raw(tmp_path, lines) in {SIGSEGV, SIGABRT}


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("begin(listener=None)\napi.start()", id="no listener"),
        pytest.param("begin(listener=Whole())\napi.start()", id="a listener nobody holds"),
    ],
)
def test_a_release_that_has_not_expired_ends_the_process_too(tmp_path, installed, lines):
    if installed.state != USABLE:
        pytest.skip("the installed package is too old: it returns before it would crash")

    assert raw(tmp_path, lines) == SIGSEGV


def test_the_same_steps_in_order_end_nothing(tmp_path):
    assert raw(tmp_path, "begin()\napi.start()\nmessage().send()") == 0


def test_a_session_is_started_in_the_one_order_that_the_package_bears(begun):
    session, ears = begun

    assert ears.of("ended") == []
    assert "starting mesibo" in session.said


def test_without_a_token_no_process_lasts_and_none_crashes(tmp_path, eventually):
    ears = Ears(eventually)
    session = Session(Spec("mesibo", tmp_path / "own"), ears)

    session.start(Secret(""))

    ended = ears.first("ended")
    assert (ended["why"], ended["signal"]) == ("broken", "")


@pytest.mark.parametrize("name", ["", "bulkhead", "a b.c", "a.b\0", "."])
def test_an_app_name_it_dies_of_never_reaches_it(tmp_path, name):
    with pytest.raises(InvalidInput):
        Spec("mesibo", tmp_path, app_id=name)


def test_a_message_before_the_login_is_answered_and_not_tried(begun):
    session, ears = begun

    session.send(Send(1, to="ann", text="text", title="a title"))
    session.send(Send(2, gid=2**31 - 1, text="text"))
    session.history("early", peer="ann", gid=0, count=5)

    assert [ears.first("returned", mid=mid)["result"] for mid in (1, 2)] == [141, 141]
    assert ears.first("history", request="early")["messages"] == []
    assert ears.of("ended") == []


CALLBACKS = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from bulkhead.realtime.adapter import Adapter
from bulkhead.realtime.load import load

told = []
mouth = SimpleNamespace(tell=lambda kind, **about: told.append((kind, about)))
package = load("mesibo")
adapter = Adapter(package, mouth)
adapter.start(Path(sys.argv[1]), "a.name", "nobody")
adapter._hearing.connection = 1
for about in json.loads(sys.argv[2]): adapter.send(about)
Path(sys.argv[1], "told.json").write_text(json.dumps(told))
import os; os._exit(0)
"""


def test_callbacks_of_the_real_package_are_heard_and_answered_with_a_number(tmp_path):
    """Offline it echoes what is sent to the listener, which is a callback from native code."""
    said = [
        {"mid": 4_000_000_000, "to": "ann", "text": "héllo 👋"},
        {"mid": 2, "gid": 2**31 - 1, "text": "to a group"},
        {"mid": 3, "to": "ann", "text": "titled", "title": "Title", "expiry": 60},
        {"mid": 4, "to": "ann", "url": "https://example.com/a.png"},
    ]

    subprocess.run(
        [sys.executable, "-c", CALLBACKS, tmp_path, json.dumps(said)],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    told = json.loads((tmp_path / "told.json").read_text("utf-8"))

    echoed = {about["mid"]: about for kind, about in told if kind == "message"}
    assert echoed[4_000_000_000]["text"] == "héllo 👋"
    assert (echoed[4_000_000_000]["peer"], echoed[4_000_000_000]["outgoing"]) == ("ann", True)
    assert echoed[2]["gid"] == 2**31 - 1
    assert echoed[3]["title"] == "Title"
    assert len([kind for kind, _ in told if kind == "returned"]) == len(said)


def test_the_package_cuts_a_text_at_a_nul_and_a_session_refuses_it(tmp_path):
    cut = "assert api.newMessage('ann\\0ben').peer == 'ann'"

    assert raw(tmp_path, cut) == 0
    with pytest.raises(InvalidInput):
        Send(1, to="ann\0ben", text="text")


def test_the_folder_holds_the_database_and_is_closed_to_others(begun, tmp_path):
    assert (tmp_path / "own" / "data" / "Databases" / "mesibo.db").exists()
    assert (tmp_path / "own").stat().st_mode & 0o077 == 0


def test_the_token_is_not_in_what_the_package_prints(begun):
    session, _ = begun

    assert TOKEN not in session.said


def test_a_release_that_is_too_old_says_so_in_the_one_sentence(installed):
    if installed.state != TOO_OLD:
        pytest.skip("the installed package is not too old")

    assert installed.sentence == (
        f"the installed mesibo package refuses to start (built {installed.built}, reports itself "
        "too old): install a newer release or use --via backend"
    )
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", installed.built)
    if installed.version == "2.7.1":
        assert installed.built == "2024-11-21"


def test_the_day_it_was_built_is_the_day_the_linker_wrote(installed):
    found = importlib.util.find_spec("mesibo")
    libraries = Path(found.origin).parent.glob("clib/windows/*/mesibo.dll")
    heads = [library.read_bytes()[:4096] for library in libraries]
    stamps = []
    for head in heads:
        at = int.from_bytes(head[0x3C:0x40], "little")
        stamps.append(int.from_bytes(head[at + 8 : at + 12], "little"))

    assert installed.built == time.strftime("%Y-%m-%d", time.gmtime(max(stamps)))


def test_many_processes_may_import_it_for_the_first_time_together(tmp_path):
    """The first import copies a library; raw, some of ten processes die of a half copy."""
    package = Path(importlib.util.find_spec("mesibo").origin).parent
    fresh = tmp_path / "mesibo"
    shutil.copytree(package, fresh, ignore=shutil.ignore_patterns("_mesibo.*", "__pycache__"))
    shutil.rmtree(fresh / "clib")
    shutil.copytree(package / "clib", fresh / "clib")
    assert not (fresh / "_mesibo.so").exists()
    code = (
        "from bulkhead.realtime.load import load; import os; "
        "package = load('mesibo'); package.getInstance(); os._exit(0)"
    )

    together = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL,
        )
        for _ in range(10)
    ]

    assert [process.wait(60) for process in together] == [0] * 10
    assert (fresh / "_mesibo.so").exists()


READ_ONLY = """
import sys; sys.excepthook = before = lambda *_: None
import importlib.util, shutil
real = shutil.copy2
def refuse(*_): raise PermissionError
shutil.copy2 = refuse
from bulkhead.realtime.load import load
try: load("mesibo")
except SystemExit: sys.exit(7 if sys.excepthook is before else 8)
"""


def test_an_install_that_cannot_be_written_to_is_broken_and_not_an_exit(tmp_path):
    package = Path(importlib.util.find_spec("mesibo").origin).parent
    fresh = tmp_path / "mesibo"
    fresh.mkdir()
    (fresh / "__init__.py").write_bytes((package / "__init__.py").read_bytes())
    (fresh / "clib").symlink_to(package / "clib")

    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY],
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 7


NUMBERS = """
import json, mesibo, os, sys
names = {name: getattr(mesibo, name) for name in dir(mesibo)
         if name.startswith(("MESIBO_STATUS_", "MESIBO_MSGSTATUS_", "MESIBO_RESULT_"))}
os.write(2, json.dumps(names).encode())
"""


def test_every_number_that_the_package_exports_has_a_word():
    done = subprocess.run(
        [sys.executable, "-c", NUMBERS], capture_output=True, timeout=60, check=True
    )
    exported = json.loads(done.stderr)

    tables = {
        "MESIBO_STATUS_": realtime.CONNECTION,
        "MESIBO_MSGSTATUS_": realtime.MESSAGE,
        "MESIBO_RESULT_": realtime.RESULT,
    }
    unknown = [
        (name, number)
        for name, number in exported.items()
        for start, table in tables.items()
        if name.startswith(start) and number not in table
    ]
    assert len(exported) > 30
    assert unknown == []


def test_the_same_session_is_not_started_twice(begun):
    session, _ = begun

    with pytest.raises(SessionProblem):
        session.start(Secret(TOKEN))
