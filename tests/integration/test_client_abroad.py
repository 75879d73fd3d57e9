"""The client inside a foreign program: it takes no name away, and brings nothing else along."""

import subprocess
import sys
from pathlib import Path

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from tests.command import environment

FOREIGN = ("tasks", "worker", "settings", "sandbox", "producers", "celery_app", "client")
PROGRAM = """
from bulkhead.client import Bulkhead
import settings, tasks, worker

assert (settings.NAME, tasks.NAME, worker.NAME) == ("settings", "tasks", "worker")
with Bulkhead.from_env() as bulkhead:
    job = bulkhead.import_users(({"address": f"u{n}"} for n in range(5)), app="shop")
    print(job.counts.total, *(name for name in vars(bulkhead) if "key" in name))
"""
LIST = """
import sys
import {module}
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def run(folder, text, **settings):
    program = folder / "program.py"
    program.write_text(text)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_it_works_beside_modules_that_bear_the_names_of_ours(tmp_path, redis, store_server):
    for name in FOREIGN:
        (tmp_path / f"{name}.py").write_text(f"NAME = {name!r}\n")
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    settings = AppSettings(base_url="https://api.example.com/backend/")
    fleet.add_app("acme/shop", settings, SealedToken("box", "last", "print"))

    said = run(tmp_path, PROGRAM, redis_url=store_server.url, tenant="acme")

    assert said == ["5"]


@pytest.mark.parametrize("module", ["bulkhead.client", "producers"])
def test_it_brings_only_the_rules_and_libraries(tmp_path, module):
    loaded = set(run(tmp_path, LIST.format(module=module)))

    ours = {"producers", "tasks", "worker", "bulkhead", "sandbox"}
    assert loaded & ours == {module.partition(".")[0]}
    assert not loaded & {"celery", "kombu", "fastapi", "uvicorn", "mesibo", "click", "rich"}


def test_the_name_in_producers_is_the_same_class(tmp_path):
    text = (
        "from bulkhead import client\nfrom producers import Bulkhead\n"
        "import producers\nprint(Bulkhead is client.Bulkhead, hasattr(producers, 'other'))\n"
    )

    assert run(tmp_path, text) == ["True", "False"]


def test_the_package_says_that_it_is_typed():
    assert (Path(__file__).parents[2] / "bulkhead/py.typed").exists()
