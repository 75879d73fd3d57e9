"""Sends job documents to the programs that asked for them, as plain Celery messages."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from structlog import get_logger

from bulkhead.engine.notices import Notice, Notices
from bulkhead.engine.script import trouble
from bulkhead.errors import Unreachable

AT_ONCE = 50
"""Notices between two looks at the front lists."""


class Postman:
    """Sends at least once; a target that cannot be sent to is told of in the log, and dropped."""

    def __init__(self, notices: Notices, broker_url: str) -> None:
        self._notices = notices
        self._log = get_logger()
        # An app of its own: the worker's knows no queue but its own, and must not.
        self._app = Celery("bulkhead-notices", broker=broker_url, set_as_current=False)
        self._app.conf.update(
            task_serializer="json",
            accept_content=["json"],
            broker_pool_limit=1,
            broker_transport_options={
                "socket_timeout": 10,
                "socket_connect_timeout": 5,
                # Else kombu tries for ever, and the door would stand still with it.
                "max_retries": 1,
                "interval_start": 0,
                "interval_max": 0.2,
            },
        )
        self._connection: Any = None

    def deliver(self) -> int:
        """Send what there is, so many at most; how many were. Raises Unreachable."""
        for count in range(AT_ONCE):
            entry = self._notices.take()
            if entry is None:
                return count
            self._send(entry)
            self._notices.done(entry)
        return AT_ONCE

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.release()
            self._connection = None

    def _send(self, entry: bytes) -> None:
        try:
            notice = self._notices.read(entry)
            if notice is not None:
                self._publish(notice)
        except Unreachable:
            raise
        except Exception as error:
            why = type(error).__name__
            self.close()
            if _will_pass(error):
                raise Unreachable("the broker takes no notice now", why=why) from error
            # Whatever is wrong with one target must not keep the others waiting.
            self._log.warning("notice_failed", error=why)

    def _publish(self, notice: Notice) -> None:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
        self._app.send_task(
            notice.task,
            kwargs={"job": notice.job},
            queue=notice.queue,
            connection=self._connection,
            retry=False,
            argsrepr="-",
            kwargsrepr="-",
        )


def _will_pass(error: BaseException) -> bool:
    """True if the broker may take the same notice later; kombu wraps what the broker said."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, RedisError):
            return isinstance(trouble(inner), Unreachable)
        inner = inner.__cause__ or inner.__context__
    return isinstance(error, OperationalError | OSError)
