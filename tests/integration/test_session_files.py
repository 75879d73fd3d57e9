"""Files that messages carry, on the disk of the worker that has the session."""

import os

import pytest

from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.engine.sessions import SEND, Ask, SenderId
from bulkhead.errors import NotFound
from worker.stage import KEPT, Files

WHO = SenderId("acme/shop", "news@example.com")


@pytest.fixture
def scripts(redis):
    return Scripts(redis)


def ask(**about):
    return Ask("1", WHO, SEND, {"job": "job_1", **about}, worker="w")


def test_a_jobs_file_is_fetched_once_under_its_own_name(scripts, tmp_path):
    scripts.redis.set(scripts.key("job", "job_1", "file"), b"\x00pdf")
    files = Files(Jobs(scripts), tmp_path)

    first = files.path_of(ask(file="d1", file_name="../../plan.pdf"))
    scripts.redis.delete(scripts.key("job", "job_1", "file"))
    again = files.path_of(ask(file="d1", file_name="../../plan.pdf"))

    assert first == again
    assert os.path.basename(first) == "plan.pdf"
    assert first.startswith(str(tmp_path))
    with open(first, "rb") as file:
        assert file.read() == b"\x00pdf"


def test_a_message_without_a_file_has_no_path(scripts, tmp_path):
    assert Files(Jobs(scripts), tmp_path).path_of(ask()) == ""


def test_a_file_that_is_gone_is_said(scripts, tmp_path):
    with pytest.raises(NotFound):
        Files(Jobs(scripts), tmp_path).path_of(ask(file="d1"))


def test_a_file_that_no_message_has_carried_for_a_day_makes_room(scripts, tmp_path):
    files = Files(Jobs(scripts), tmp_path)
    scripts.redis.set(scripts.key("job", "job_1", "file"), b"old")
    old = files.path_of(ask(file="d1"))
    folder = os.path.dirname(old)
    long_ago = os.stat(folder).st_mtime - KEPT - 60
    os.utime(folder, (long_ago, long_ago))

    files.path_of(ask(file="d2"))

    assert not os.path.exists(old)
