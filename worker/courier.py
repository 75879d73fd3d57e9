"""Takes calls to backends by the way each of them needs, and tells the caller's thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from structlog import get_logger

from bulkhead.backend.caller import Caller
from bulkhead.backend.endpoint import Endpoint
from bulkhead.backend.form import Body
from bulkhead.backend.lean import LeanTransport, Told
from bulkhead.backend.reply import NoAnswer, Reply, Withheld
from bulkhead.backend.transport import Transport
from worker.lanes import Lanes

MayGo = Callable[[], bool]


class Courier:
    """The lean transport for all that it serves, else requests on a lane."""

    def __init__(self, caller: Caller, lanes: Lanes, *, lean: bool) -> None:
        self.caller = caller
        self._lanes = lanes
        self._lean = LeanTransport(caller) if lean else None
        self._stock = Transport()

    def send(self, endpoint: Endpoint, body: Body, told: Told, may_go: MayGo) -> None:
        """Send one body, once. In the caller's thread, where `told` is told later, in any case.

        `may_go` is asked again where time passed before the first byte; it may be asked elsewhere.
        """
        if self._lean is not None and self._lean.serves(endpoint):
            self._lean.send(endpoint, body, told, may_go)
        else:
            self._lanes.run(partial(self._by_lane, endpoint, body, told, may_go))

    def _by_lane(self, endpoint: Endpoint, body: Body, told: Told, may_go: MayGo) -> None:
        reply: Reply | Withheld = Withheld()
        try:
            if may_go():
                reply = self._stock.post(endpoint, body)
        except Exception:
            get_logger().exception("unexpected_error")
            reply = NoAnswer("the call failed inside Bulkhead")
        self.caller.soon(told, reply)
