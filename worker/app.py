"""The Celery app: carries parcels, and nothing else. Tasks are named by string, see HOUSE §1."""

from __future__ import annotations

from typing import Any

from celery import Celery, signals
from kombu.entity import Queue

from bulkhead.settings import Settings
from worker import kombu_patch, logs
from worker.runtime import PARCELS, Runtime, build, install
from worker.step import FeederStep


def make_app(runtime: Runtime) -> Celery:
    """A Celery app for one worker process, with the queue that only it consumes."""
    app = Celery("bulkhead", broker=runtime.site.broker_url, include=["tasks.parcel"])
    app.conf.update(
        # A slice is a lease in our store: its message needs no ack (docs/decisions/0004).
        task_queues=[Queue(runtime.queue, no_ack=True)],  # type: ignore[no-untyped-call]
        task_default_queue=runtime.queue,
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_pool="threads",
        worker_concurrency=PARCELS,
        worker_consumer="worker.consumer:Consumer",
        worker_send_task_events=False,
        # Programs that use our front door share the broker: their broadcasts are not for us.
        worker_enable_remote_control=False,
        worker_disable_rate_limits=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_pool_limit=4,
        broker_transport_options={
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
            "health_check_interval": 10,
            "client_name": runtime.verbs.worker,
        },
        task_publish_retry=False,
        enable_utc=True,
        timezone="UTC",
    )
    app.steps["worker"].add(FeederStep)
    return app


def start(settings: Settings) -> Celery:
    """Build this process's runtime and its app. Raises Unreachable if the store is away."""
    kombu_patch.apply()
    runtime = build(settings)
    install(runtime)

    def stop(**_: Any) -> None:
        runtime.stopping.ask()

    signals.worker_shutting_down.connect(stop, weak=False)
    # Connected, it keeps Celery from putting up handlers of its own.
    signals.setup_logging.connect(_leave_logging_as_it_is, weak=False)
    return make_app(runtime)


def _leave_logging_as_it_is(**_: Any) -> None:
    """`worker.logs` has set it up already."""


def __getattr__(name: str) -> Celery:
    """`celery -A worker.app worker` asks for `app`: only then is anything connected."""
    if name in ("app", "celery"):
        settings = Settings.load()
        logs.configure(settings)
        made = start(settings)
        globals()["app"] = globals()["celery"] = made
        return made
    raise AttributeError(name)
