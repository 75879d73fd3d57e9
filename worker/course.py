"""How one session goes on: what its keeper does next. Pure, with the clock handed in."""

from __future__ import annotations

from enum import Enum, auto

CONNECTS_WITHIN = 15.0
"""Seconds after which a package that said nothing at all is started anew."""
STEADY = 60.0
"""Seconds online after which what went wrong before is forgotten."""
LONGEST = 60.0
"""Seconds: no pause is longer, but for the one below."""
SIGN_IN_AGAIN, SIGN_IN_LONGEST = 15.0, 900.0
"""Seconds after a sign-in that is refused, the first and any: each is a job that people see."""

ONLINE, SIGNED_OUT, REFUSED = 1, 3, 4
AWAY = frozenset({2, 7, 8})
"""Connection statuses from which the package comes back by itself."""
CONNECTING = 6
OVER = {
    5: "the package stopped",
    9: "the on-premise server reported an error",
    10: "the app or the user is suspended",
    21: "mesibo asks for a newer release of the package",
    22: "mesibo shut the session down",
}


class Step(Enum):
    """What a keeper does for a session now."""

    WAIT = auto()
    SIGN_IN = auto()
    """Make the job that has a user token issued."""
    LOOK = auto()
    """See what became of that job."""
    START = auto()
    """Start a process with the token."""


class _Phase(Enum):
    NO_TOKEN = auto()
    SIGNING_IN = auto()
    READY = auto()
    RUNNING = auto()


class Course:
    """One session from the moment its keeper has it. Times are in seconds of one clock."""

    def __init__(self, now: float, *, has_token: bool) -> None:
        self.job = ""
        """The job that issues its token, while it signs in."""
        self.why = ""
        self.again_at = now
        self.since = now
        """When it came into the state that it is in."""
        self._state = "connecting" if has_token else "signing_in"
        self._phase = _Phase.READY if has_token else _Phase.NO_TOKEN
        self._started = now
        self._silent = True
        self._renewed = False
        """True if a token was issued because mesibo refused the one before."""
        self._troubles = 0
        self._refusals = 0
        """Sign-ins one after the other that issued no token."""
        self._endings = 0
        self.cool_until = 0.0
        self._cooled = 0

    @property
    def state(self) -> str:
        """The session's state as people read it."""
        return self._state

    @property
    def running(self) -> bool:
        """True while a process of it is to be there; one that is there otherwise is closed."""
        return self._phase is _Phase.RUNNING

    @property
    def online(self) -> bool:
        return self._state == "online"

    def next(self, now: float) -> Step:
        """What is to be done now."""
        if self._phase is _Phase.RUNNING:
            if self._silent and now >= self._started + CONNECTS_WITHIN:
                self._fail(f"the package said nothing for {CONNECTS_WITHIN:.0f} seconds", now)
            return Step.WAIT
        if now < self.again_at:
            return Step.WAIT
        if self._phase is _Phase.SIGNING_IN:
            return Step.LOOK
        return Step.START if self._phase is _Phase.READY else Step.SIGN_IN

    def signing_in(self, job: str, now: float) -> None:
        """A job issues its token."""
        self.job = job
        self._phase = _Phase.SIGNING_IN
        self._become("signing_in", now)

    def signed_in(self, now: float) -> None:
        """The token is here."""
        self.job = ""
        self._phase, self.again_at = _Phase.READY, now
        self._refusals = 0
        self._become("connecting", now)

    def not_signed_in(self, why: str, now: float) -> None:
        """The job issued no token."""
        self._phase = _Phase.NO_TOKEN
        pause = min(SIGN_IN_LONGEST, SIGN_IN_AGAIN * 2.0**self._refusals)
        self._refusals = min(self._refusals + 1, 10)
        self.again_at = now + pause
        self._become("failed", now, f"no user token was issued: {why}")

    def started(self, now: float) -> None:
        """A process was started with the token."""
        self._phase = _Phase.RUNNING
        self._started, self._silent = now, True
        self._become("connecting", now)

    def not_started(self, why: str, now: float) -> None:
        """No process could be started."""
        self._phase = _Phase.READY
        self._pause(why, now)

    def heard(self, status: int, now: float) -> None:
        """The package told a connection status."""
        if self._phase is not _Phase.RUNNING:
            return
        if status == ONLINE:
            self._silent = self._renewed = False
            self._become("online", now)
        elif status in AWAY or status == CONNECTING:
            self._silent = False
            away = self.online or self._state == "offline" or status in AWAY
            self._become("offline" if away else "connecting", now)
        elif status == REFUSED:
            self._token_refused(now)
        elif status == SIGNED_OUT:
            self._fail("mesibo signed the session out: its user signed in elsewhere", now, LONGEST)
        elif status in OVER:
            self._fail(OVER[status], now, LONGEST)

    def ended(self, said: str, now: float) -> None:
        """Its process ended by itself: the first time it is started again at once."""
        if self._phase is not _Phase.RUNNING:
            return
        self._forget_old_trouble(now)
        self._endings += 1
        self._phase = _Phase.READY
        if self._endings == 1:
            self.again_at = now
            self._become("connecting", now)
            return
        self._pause(f"its process ended {self._endings} times: {said}", now)

    def cool(self, now: float) -> None:
        """mesibo asked for fewer messages: nothing is handed to it for 1 to 60 seconds."""
        if now >= self.cool_until:
            self._cooled = min(self._cooled + 1, 7)
            self.cool_until = now + min(LONGEST, 2.0 ** (self._cooled - 1))

    def went_through(self) -> None:
        """mesibo accepted a message: the next pause is a short one."""
        self._cooled = 0

    def _token_refused(self, now: float) -> None:
        if self._renewed:
            self._renewed = False
            self._fail("mesibo refused two user tokens one after the other", now, LONGEST)
        else:
            self._renewed, self.again_at = True, now
            self._become("signing_in", now)
        self._phase = _Phase.NO_TOKEN

    def _fail(self, why: str, now: float, at_least: float = 0.0) -> None:
        self._forget_old_trouble(now)
        self._phase = _Phase.READY
        self._pause(why, now, at_least)

    def _pause(self, why: str, now: float, at_least: float = 0.0) -> None:
        pause = max(at_least, min(LONGEST, 2.0 ** min(self._troubles, 7)))
        self._troubles += 1
        self.again_at = now + pause
        self._become("failed", now, why)

    def _forget_old_trouble(self, now: float) -> None:
        if self.online and now - self.since >= STEADY:
            self._endings = self._troubles = 0

    def _become(self, state: str, now: float, why: str = "") -> None:
        if state != self._state or why != self.why:
            self._state, self.why, self.since = state, why, now
