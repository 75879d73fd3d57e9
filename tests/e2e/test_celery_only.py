"""The example for programs with Celery only, as it is run by somebody who has nothing else."""

import os
import re
from pathlib import Path

import pytest

from bulkhead.engine.connect import broker_url
from bulkhead.engine.embedded import find
from tests.e2e.product import until
from tests.fakes.bare_client import environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "celery_only.py"
WORKER = ("-m", "celery", "-A", "celery_only", "worker", "-Q", "myapp", "-P", "solo")


@pytest.fixture
def product(standing):
    """The one that stands, with demo/shop as after `up --sandbox`."""
    return standing.with_demo()


def test_the_example_orders_an_import_and_hears_of_its_end(product):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    variables = {**kept, "BROKER_URL": broker_url(find(product.home)), "PYTHONUNBUFFERED": "1"}
    python = [str(environment()), "-s", "-W", "ignore"]

    worker = product.launch([*python, *WORKER], "their-worker", variables, EXAMPLE.parent)
    sent = product.launch([*python, EXAMPLE.name], "their-order", variables, EXAMPLE.parent)

    assert sent.wait(120) == 0
    until(lambda: "completed: 100 succeeded, 0 failed" in worker.log.read_text())
    assert re.search(r"(queued|running): ", worker.log.read_text())
    (job,) = map(product.job, product.jobs())
    assert job["idempotency_key"] == sent.log.read_text().strip()
    worker.terminate()


def test_the_example_is_as_short_as_the_page_says():
    assert len(EXAMPLE.read_text().splitlines()) <= 30


def test_somebody_elses_shutdown_of_all_celery_workers_does_not_end_ours(product):
    workers, before = product.workers(), len(product.main.log.read_text())
    script = "import sys; from celery import Celery; Celery(broker=sys.argv[1]).control.shutdown()"
    words = [str(environment()), "-I", "-c", script, broker_url(find(product.home))]

    shutdown = product.launch(words, "shutdown", dict(os.environ))
    assert shutdown.wait(120) == 0
    done = product.typed("apps", "check", "demo/shop", "-o", "json")

    assert done.code == 0, done
    assert product.workers() == workers
    assert product.main.poll() is None
    assert "worker_stopping" not in product.main.log.read_text()[before:]
