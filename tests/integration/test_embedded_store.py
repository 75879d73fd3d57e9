"""The embedded store: two never share a directory, none outlives its owner, nothing is lost."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import kombu
import psutil
import pytest

from bulkhead.engine.connect import connect, facts
from bulkhead.engine.embedded import EmbeddedStore, find, find_binary, secret_key
from bulkhead.errors import Conflict, InvalidInput, Unreachable

OWNER = """
import sys, threading, pathlib
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore

def start():
    global store
    store = EmbeddedStore.start(pathlib.Path(sys.argv[1]))

# Started by a thread that then ends: the store must live on.
thread = threading.Thread(target=start)
thread.start()
thread.join()
connect(store.url).set("written", "before the end")
print(store.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owner(home):
    """Another process that owns the store of `home`, and `server`, the server's process."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.server = psutil.Process(int(process.stdout.readline()))
    keeper = process.server.parent()
    yield process
    process.kill()
    process.wait()
    # A server still at work would write into the folder that is about to be removed.
    psutil.wait_procs([keeper, process.server], timeout=120)
    process.stdin.close()
    process.stdout.close()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_store_answers_under_both_of_its_addresses(home):
    with EmbeddedStore.start(home) as store:
        connect(store.url).set("key", "value")

        with kombu.Connection(store.broker_url) as broker, broker.channel() as channel:
            assert channel.client.get("key") == b"value"


@pytest.mark.parametrize("name", ["plain", 'with space, "quotes" and %41', "long-" * 25])
def test_a_home_may_have_any_name(home, name):
    with EmbeddedStore.start(home / name) as store:
        assert find(home / name) == store.url
        assert connect(store.url).ping()

        with kombu.Connection(store.broker_url) as broker, broker.channel() as channel:
            assert channel.client.ping()


def test_a_long_home_leaves_nothing_outside_it(home):
    with EmbeddedStore.start(home / ("long-" * 25)) as store:
        socket = Path(store._folder.socket)
        assert mode(socket.parent) == 0o700

    assert not socket.parent.exists()


def test_every_write_is_synced_and_nothing_is_thrown_away(home):
    with EmbeddedStore.start(home) as store:
        known = facts(connect(store.url))

    assert known.server == "valkey"
    assert known.appendonly == "yes"
    assert known.appendfsync == "always"
    assert known.maxmemory_policy == "noeviction"
    assert 0 < known.maxmemory <= psutil.virtual_memory().total // 2


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not on PATH: no syncs counted")
def test_each_answered_write_was_synced_by_the_kernel(home, tmp_path):
    calls = tmp_path / "calls"
    traced = tmp_path / "traced-server"
    # -D: the server stays our keeper's child, strace is the one that steps aside.
    traced.write_text(
        f"#!/bin/sh\nexec strace -D -f -qq -e trace=fdatasync,fsync -o {calls} "
        f'{find_binary()} "$@"\n'
    )
    traced.chmod(0o700)

    with EmbeddedStore.start(home, traced) as store:
        redis = connect(store.url)
        before = calls.read_text().count("sync(")
        for _ in range(100):
            redis.incr("writes")
        after = calls.read_text().count("sync(")

    assert after - before >= 100


def test_only_its_user_can_open_socket_folder_and_data(home):
    with EmbeddedStore.start(home):
        assert mode(home / "store") == 0o700
        assert mode(home / "store" / "server.sock") == 0o700
        assert mode(home / "store" / "owner.json") == 0o600


def test_data_is_there_after_a_stop_and_a_start(home):
    with EmbeddedStore.start(home) as store:
        connect(store.url).set("key", "value")

    with EmbeddedStore.start(home) as store:
        assert connect(store.url).get("key") == b"value"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_the_end_of_the_owner_ends_the_server_and_loses_nothing(owner, home, end):
    owner.send_signal(end)
    owner.wait()

    psutil.wait_procs([owner.server], timeout=120)
    assert not owner.server.is_running()
    with EmbeddedStore.start(home) as store:
        assert connect(store.url).get("written") == b"before the end"


def test_a_new_owner_takes_over_at_once_from_one_that_was_killed(owner, home):
    owner.kill()
    owner.wait()

    with EmbeddedStore.start(home) as store:
        assert store.pid != owner.server.pid
        assert connect(store.url).get("written") == b"before the end"


def test_an_owner_that_ended_and_was_never_waited_for_counts_as_gone(owner, home):
    owner.send_signal(signal.SIGKILL)
    psutil.wait_procs([owner.server], timeout=120)

    with EmbeddedStore.start(home) as store:
        assert connect(store.url).get("written") == b"before the end"


def test_an_owner_that_ends_with_its_keeper_still_ends_the_server(owner, home):
    keeper = owner.server.parent()
    keeper.kill()
    owner.kill()
    owner.wait()

    with EmbeddedStore.start(home) as store:
        assert connect(store.url).get("written") == b"before the end"


def test_two_starts_on_one_home_are_a_conflict_that_names_the_owner(owner, home):
    with pytest.raises(Conflict) as refused:
        EmbeddedStore.start(home)

    assert str(owner.pid) in refused.value.why
    assert connect(find(home)).get("written") == b"before the end"


def test_of_many_starts_at_once_exactly_one_wins(home):
    won, lost = [], []

    def start():
        try:
            won.append(EmbeddedStore.start(home))
        except Conflict as error:
            lost.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(won), len(lost)) == (1, 5)
    won[0].stop()


def test_a_killed_server_comes_back_under_the_same_address_with_its_data(home, eventually):
    with EmbeddedStore.start(home) as store:
        connect(store.url).set("key", "value")
        first = store.pid
        os.kill(first, signal.SIGKILL)

        url = eventually(lambda: find(home) if store.pid != first else None)

        assert url == store.url
        assert connect(url).get("key") == b"value"


def test_a_command_finds_the_store_only_while_it_runs(home):
    assert find(home) is None

    with EmbeddedStore.start(home) as store:
        assert find(home) == store.url

    assert find(home) is None


def test_a_server_that_cannot_run_is_named_with_its_last_words(home, tmp_path):
    broken = tmp_path / "server"
    broken.write_text("#!/bin/sh\necho no such luck\nexit 3\n")
    broken.chmod(0o700)

    with pytest.raises(Unreachable) as refused:
        EmbeddedStore.start(home, broken)

    assert refused.value.why == "no such luck"


def test_damaged_data_is_said_to_be_so_and_left_as_it_is(home):
    with EmbeddedStore.start(home) as store:
        connect(store.url).set("key", "value")
    (data,) = (home / "store" / "appendonlydir").glob("*.incr.aof")
    damaged = b"*3\r\nthis is no command\r\n" + data.read_bytes()
    data.write_bytes(damaged)

    with pytest.raises(Unreachable, match="did not start") as refused:
        EmbeddedStore.start(home)

    assert "Bad file format" in refused.value.why
    assert data.read_bytes() == damaged


def test_a_start_that_failed_leaves_the_home_free_for_the_next(home, tmp_path):
    broken = tmp_path / "server"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o700)
    with pytest.raises(Unreachable):
        EmbeddedStore.start(home, broken)

    with EmbeddedStore.start(home) as store:
        assert connect(store.url).ping()


def test_a_home_that_is_a_file_is_named(home):
    file = home / "file"
    file.write_text("")

    with pytest.raises(Unreachable, match=str(file)):
        EmbeddedStore.start(file)


def test_the_key_is_made_once_for_its_owner_only(home):
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(secret_key(home))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 32
    assert mode(home / "secret.key") == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]


def test_a_cut_key_is_refused_and_not_replaced(home):
    (home / "secret.key").write_text("short")

    with pytest.raises(InvalidInput, match=r"secret\.key"):
        secret_key(home)

    assert (home / "secret.key").read_text() == "short"
