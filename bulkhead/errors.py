"""The error tree. The second level says what the caller should do."""

from __future__ import annotations


class BulkheadError(Exception):
    """The root: everything we raise on purpose, in three lines a person can act on.

    `what` happened, `why`, and what `to_do` about it. None of them ever holds a secret.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", to_do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.to_do = to_do

    def in_three_lines(self) -> str:
        """What, why and what to do, as a person reads it."""
        named = (("error", self.what), ("why", self.why), ("to do", self.to_do))
        return "\n".join(f"{name}: {text}" for name, text in named if text)


class InvalidInput(BulkheadError):
    """Correct the input, then try again. Nothing was sent."""

    exit_code = 9


class UsageProblem(BulkheadError):
    """The words of the command do not fit together."""

    exit_code = 2


class NotPermitted(BulkheadError):
    """Not authenticated, or not allowed."""

    exit_code = 4


class Declined(BulkheadError):
    """A confirmation was refused, or could not be asked for."""

    exit_code = 6


class Interrupted(BulkheadError):
    """Told to stop in the very moment in which the work was done all the same."""

    exit_code = 130


class NotAccepted(BulkheadError):
    """The backend said no to what was tried; what was there before is as it was."""

    exit_code = 3


class StillGoing(BulkheadError):
    """The time to wait is over, and what was waited for goes on: ask again."""

    exit_code = 8


class JobStillRunning(BulkheadError, TimeoutError):
    """The time to wait is over; the job itself goes on, and can be waited for again."""

    exit_code = 8


class JobPaused(BulkheadError):
    """The job stands still until a person acts: `what` says which job, `why` who paused it."""

    exit_code = 10


class NotYet(BulkheadError):
    """This version cannot do that yet."""

    exit_code = 2


class Conflict(BulkheadError):
    """The thing is in another state than the request supposes: look, then decide."""

    exit_code = 7


class NotFound(BulkheadError):
    """No such tenant, app, job or worker; a near name may be suggested."""

    exit_code = 2


class Unreachable(BulkheadError):
    """The store or a service did not answer: try again when it is back."""

    exit_code = 11


class StoreFull(Unreachable):
    """The store has no memory left for new jobs."""


class CannotOpen(BulkheadError):
    """A sealed secret is damaged, or was sealed with another key: restore the key or seal anew."""


class SessionProblem(BulkheadError):
    """The process of a real-time session could not be started: mend what `why` says."""


class SessionEnded(BulkheadError):
    """The process of a real-time session is gone: what it had not taken was not sent."""
