"""What is asked for with a job, apart from its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model.sender_session import refuse_no_session
from bulkhead.model.unknown import HOLD, refuse_policy
from bulkhead.model.waves import Waves
from bulkhead.model.window import parse_window


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, apart from the rows. Raises InvalidInput for what the kind cannot take."""

    kind: str
    tenant: str
    app: str
    columns: Sequence[str | None] = ()
    """Their names; None for one that no row has."""
    mapping: Mapping[str, int] = field(default_factory=dict)
    """Field of a user → number of its column."""
    params: Mapping[str, Any] = field(default_factory=dict)
    repeat: str = ""
    """What may be done about a lost answer, where the kind alone does not say it."""
    join: int = 0
    """How many items of its first step one call may carry; 0: as its kind has it."""
    priority: str = ""
    """A name of PRIORITIES; empty: normal."""
    labels: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str = ""
    max_attempts: int | None = None
    retry_first: float | None = None
    retry_longest: float | None = None
    give_up_after: float | None = None
    """Seconds, as in an app's settings; what is None is as its app has it."""
    max_failures: str = ""
    """`N` or `P%` of the rows: with more failed ones the job pauses for a person."""
    at: float | None = None
    """Unix seconds before which no call is made."""
    deadline: float | None = None
    """Unix seconds from which on no call is made: the job times out."""
    rate: float | None = None
    """The job's own most calls a second, below those of its app."""
    parent: str = ""
    """The job whose rows these are, for a retry."""
    notify: str = ""
    """JSON with the task and the queue that the job document is sent to at the end."""
    content: str = ""
    """What one order has in common with the same again, where its rows hold more than was asked."""
    hold: bool = False
    """Accepted, and paused at once until somebody resumes it."""
    on_unknown: str = ""
    """Of ON_UNKNOWN: what becomes of calls that were sent and never confirmed; empty: `hold`."""
    window: str = ""
    """Times of day in which calls may start, as `09:00-20:00[Europe/Berlin]`; empty: always."""
    sender: str = ""
    """In whose name its messages go out through the real-time API; empty: by the backend."""
    no_session: str = ""
    """Of NO_SESSION: what becomes of items while the sender cannot sign in; empty: `wait`."""
    waves: Waves | None = None
    """Of a fleet job, whose `app` is empty: the cell `mapping["app"]` names the app of a row."""
    file: bytes = field(default=b"", repr=False)
    """Lies in the store beside the job and as long, byte for byte; its digest is in `params`."""

    def __post_init__(self) -> None:
        refuse_policy(self.kind, self.policy)
        refuse_no_session(self.sender, self.no_session)
        if self.window:
            parse_window(self.window)
            self._refuse_window()

    @property
    def policy(self) -> str:
        """What becomes of lost answers: one of ON_UNKNOWN."""
        return self.on_unknown or HOLD

    def _refuse_window(self) -> None:
        if self.waves is None:
            return
        raise InvalidInput(
            f"{self.kind} takes no window",
            why="each app would rest between two steps, with a file that is not proven yet",
            to_do="say when it is to begin, with `at`; nothing was sent",
        )
