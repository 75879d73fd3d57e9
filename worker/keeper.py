"""Keeps the sessions of this worker: takes them, signs them in, starts them again, lets them go."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from structlog import get_logger

from bulkhead.engine.delivery import Deliveries
from bulkhead.engine.sessions import SenderId, Sessions, State, Wanted
from bulkhead.errors import BulkheadError, CannotOpen, SessionProblem, Unreachable
from bulkhead.model.places import Held, Waiting, moves
from bulkhead.model.sender_session import LEASE
from bulkhead.secrets import fingerprint
from worker.course import Course, Step
from worker.live import FileOf, Live, state_of
from worker.pump import Pump
from worker.sign_in import SignIns
from worker.stage import Stage
from worker.teller import Teller

LOOK = 1.0
"""Seconds between two looks at which sessions are wanted."""
TURN = 0.25
"""Seconds between two turns while this worker has a session."""
RENEW = 2.0
RETELL = 30.0
"""Seconds after which it is said again that the package cannot be used."""
USED = 15.0
"""Seconds since it was last needed after which a session gives way to whoever waits."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What a keeper works with."""

    sessions: Sessions
    blocking: Sessions
    """With a connection of its own, on which asks are waited for."""
    deliveries: Deliveries
    sign_ins: SignIns
    stage: Stage
    """Where processes are started."""
    file_of: FileOf


@dataclass(frozen=True, slots=True)
class Terms:
    """How many sessions, and for how long."""

    worker: str
    cell: str
    places: int
    idle: float
    """Seconds after which a session that nobody needs is ended."""


class Keeper(threading.Thread):
    """A thread of a worker. It alone takes sessions and lets them go."""

    def __init__(self, hands: Hands, terms: Terms, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(name="keeper", daemon=True)
        self._sessions = hands.sessions
        self._sign_ins = hands.sign_ins
        self._stage = hands.stage
        self._lives: dict[SenderId, Live] = {}
        self._teller = Teller(hands.sessions, hands.deliveries, self.changed)
        self._pump = Pump(
            hands.blocking, terms.worker, self._lives, hands.file_of, self._teller.answer
        )
        self._terms = terms
        self._idle = terms.idle
        self._clock = clock
        self._needed = False
        self._over = threading.Event()
        self._news = threading.Event()
        self._looked = self._renewed = -1e9
        self._told: dict[SenderId, State] = {}
        """As the store knows them."""
        self._after: dict[SenderId, str] = {}
        """What was of no use when a session was last signed in."""
        self._waiting: dict[SenderId, float] = {}
        self._unusable: dict[SenderId, float] = {}
        self._log = get_logger()

    def called(self, needed: bool) -> None:
        """Whether somebody needs a session, as the worker's beat has heard: else nobody looks."""
        if needed and not self._needed:
            self._news.set()
        self._needed = needed

    def changed(self, live: Live) -> None:
        """A session is in another state; said by whoever hears its process."""
        self._tell_state(live)
        if live.course.online:
            self._pump.wake()
        self._news.set()

    def run(self) -> None:
        """Keep sessions until told to stop; a store that is away is waited for."""
        if not self._terms.places:
            return
        self._teller.start()
        self._pump.start()
        while not self._over.is_set():
            try:
                self.turn()
            except Unreachable:
                self._drop_if_lost()
            except Exception:
                self._log.exception("keeper_failed")
                self._drop_if_lost()
            self._news.wait(TURN if self._lives else LOOK if self._needed else None)
            self._news.clear()

    def finish(self, seconds: float) -> None:
        """Take nothing more, wait so long for what is out, and let all sessions go."""
        if not self.is_alive():
            return
        self._over.set()
        self._news.set()
        self.join(timeout=LEASE)
        self._pump.finish()
        until = self._clock() + seconds
        while self._clock() < until and any(one.busy for one in self._lives.values()):
            self._news.wait(0.05)
        for live in list(self._lives.values()):
            try:
                self._let_go(live, State("wanted", "its worker has ended"))
            except Unreachable:
                continue
        self._teller.finish()

    def turn(self) -> None:
        """One look at everything. Raises Unreachable."""
        now = self._clock()
        for live in list(self._lives.values()):
            self._go_on(live, now)
        self._renew(now)
        if now >= self._looked + LOOK and (self._lives or self._needed):
            self._looked = now
            self._settle_places(self._sessions.wanted(self._terms.cell), now)

    def _go_on(self, live: Live, now: float) -> None:
        """The next step of one session; one's trouble is not another's."""
        try:
            if not live.course.running and live.pid:
                self._teller.answer(live.close(live.course.why or "it is started again"))
            self._step(live, live.course.next(now), now)
        except Unreachable:
            raise
        except BulkheadError as error:
            live.course.not_started(f"{error.what}: {error.why}" if error.why else error.what, now)
        except Exception:
            self._log.exception("keeper_failed")
            live.course.not_started("an error of ours, see the worker's log", now)

    def _step(self, live: Live, step: Step, now: float) -> None:
        who = live.who
        if step is Step.SIGN_IN:
            refused = self._sessions.token(who)
            if refused is not None:
                self._after[who] = fingerprint(refused)
                self._sessions.forget_token(who)
            live.course.signing_in(self._sign_ins.begin(who, self._after.get(who, "")), now)
        elif step is Step.LOOK:
            self._look_for_token(live, now)
        elif step is Step.START:
            self._start(live, now)

    def _look_for_token(self, live: Live, now: float) -> None:
        found = self._sign_ins.look(live.course.job)
        if isinstance(found, str):
            self._after[live.who] = live.course.job
            live.course.not_signed_in(found, now)
        elif found is not None:
            self._sessions.keep_token(live.who, found)
            live.course.signed_in(now)

    def _start(self, live: Live, now: float) -> None:
        token = self._sessions.token(live.who)
        if token is None:
            live.course.not_signed_in("its token was forgotten", now)
            return
        live.serial += 1
        heard = partial(self._teller.hear, live, live.serial)
        # Before it starts: its first word may come on another thread before this line ends.
        live.course.started(now)
        try:
            live.adopt(self._stage.start(live.who, token, heard))
        except SessionProblem as problem:
            live.course.not_started(problem.why or problem.what, now)

    def _renew(self, now: float) -> None:
        lives = self._lives
        told = {who: state_of(live, now) for who, live in lives.items()}
        if not told or (now < self._renewed + RENEW and told == self._told):
            return
        lost = self._sessions.renew(self._terms.worker, told)
        self._renewed, self._told = now, told
        for who in lost:
            self._lose(lives[who], "another worker has it")

    def _drop_if_lost(self) -> None:
        """Nobody hears of a session for as long as its lease: others may have taken it."""
        if self._clock() < self._renewed + LEASE - RENEW:
            return
        for live in list(self._lives.values()):
            self._lose(live, "the store was away for too long")

    def _lose(self, live: Live, why: str) -> None:
        self._lives.pop(live.who, None)
        self._teller.answer(live.close(why))
        self._log.warning("session_lost", **live.who.named, why=why)

    def _settle_places(self, wanted: Sequence[Wanted], now: float) -> None:
        lives, by_who = self._lives, {one.who: one for one in wanted}
        for live in list(lives.values()):
            self._leave_if_unused(live, by_who.get(live.who), now)
        free = [one for one in wanted if not one.worker and not _is_idle(one, self._idle)]
        free = [one for one in free if one.who not in lives]
        self._waiting = {one.who: self._waiting.get(one.who, now) for one in free}
        if free and not self._usable(free, now):
            return
        waiting = [Waiting(who, since) for who, since in self._waiting.items()]
        held = [
            Held(one.who, one.since, idle=_is_idle(by_who.get(one.who), USED))
            for one in lives.values()
        ]
        counts = Counter(one.tenant for one in wanted if one.worker)
        decided = moves(held, waiting, counts, self._terms.places, now)
        for who in decided.take:
            self._take(who, now)
        for who in decided.give_up:
            lives[who].leaving = lives[who].leaving or "its place went to another sender"

    def _leave_if_unused(self, live: Live, wanted: Wanted | None, now: float) -> None:
        if not live.leaving and _is_idle(wanted, self._idle):
            live.leaving = "nobody needed it"
        if live.leaving and not live.busy:
            closed = "closed" if _is_idle(wanted, self._idle) else "wanted"
            self._let_go(live, State(closed, live.leaving))

    def _take(self, who: SenderId, now: float) -> None:
        if not self._sessions.acquire(who, self._terms.worker):
            return
        self._waiting.pop(who, None)
        try:
            has_token = self._sessions.token(who) is not None
        except CannotOpen:
            # Said of the session alone, when it is to start.
            has_token = True
        self._lives[who] = Live(who, Course(now, has_token=has_token), now)
        self._news.set()

    def _usable(self, free: Sequence[Wanted], now: float) -> bool:
        """True if the package may be started; else those who wait are told why not."""
        package = self._stage.examined(now)
        if package.state == "usable":
            return True
        for one in free:
            if one.state != "unusable" or now >= self._unusable.get(one.who, -1e9) + RETELL:
                self._unusable[one.who] = now
                if self._sessions.acquire(one.who, self._terms.worker):
                    state = State("unusable", package.sentence)
                    self._sessions.release(one.who, self._terms.worker, state)
        return False

    def _let_go(self, live: Live, state: State) -> None:
        self._lives.pop(live.who, None)
        self._teller.answer(live.close(state.why))
        self._told.pop(live.who, None)
        self._sessions.release(live.who, self._terms.worker, state)
        self._log.info("session_closed", **live.who.named, why=state.why)

    def _tell_state(self, live: Live) -> None:
        course, about = live.course, live.who.named
        if course.online:
            self._log.info("session_online", **about)
        elif course.state == "failed":
            self._log.warning("session_failed", **about, why=course.why)
        elif course.state == "offline":
            self._log.warning("session_offline", **about)


def _is_idle(wanted: Wanted | None, seconds: float) -> bool:
    return wanted is None or (not wanted.listening and wanted.idle > seconds)
