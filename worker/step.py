"""Celery's hook for our own threads: they live as long as the worker, not as a connection."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from worker.feeder import Feeder
from worker.pulse import Pulse
from worker.runtime import current
from worker.stopping import GRACE


class FeederStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts the feeder and the pulse with the worker, and gives back what is left at its end."""

    requires = {"celery.worker.components:Pool"}  # noqa: RUF012  (Celery's own form)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        runtime = current()
        self.pulse = Pulse(runtime, worker.app)
        self.feeder = Feeder(runtime, worker.app)

    def start(self, worker: Any) -> None:
        self.pulse.start()
        self.feeder.start()

    def stop(self, worker: Any) -> None:
        runtime = current()
        runtime.stopping.ask()
        self.feeder.finish()
        # The beat goes on until then: a lease must not end under a call that is being answered.
        runtime.slots.wait_idle(GRACE + 1)
        self.pulse.finish()
