"""Questions that are answered together, and lines that are said seldom."""

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from bulkhead.errors import Unreachable
from producers.api.gathering import MOST, Gathering
from producers.api.seldom import EVERY, Seldom


class Oracle:
    """Doubles what it is asked, once it may; remembers who asked together."""

    def __init__(self):
        self.asked = []
        self.may = threading.Event()

    def __call__(self, questions):
        self.asked.append(list(questions))
        assert self.may.wait(60)
        if None in questions:
            raise Unreachable("no answer")
        return [2 * question for question in questions]


@pytest.fixture
def oracle():
    return Oracle()


@pytest.fixture
def run(oracle):
    """Run a test's coroutine with a gathering around the oracle."""

    def go(story):
        with ThreadPoolExecutor(1) as threads:
            try:
                return asyncio.run(story(Gathering(oracle, threads)))
            finally:
                oracle.may.set()

    return go


async def asking(gathering, questions, oracle, seconds=60):
    """Ask all of these while the first is being answered; what came of each."""
    first = asyncio.ensure_future(gathering.ask(0, 60))
    while not oracle.asked:
        await asyncio.sleep(0)
    others = [asyncio.ensure_future(gathering.ask(one, seconds)) for one in questions]
    await asyncio.sleep(0)
    return first, others


def test_what_is_asked_meanwhile_is_answered_together(run, oracle):
    async def story(gathering):
        first, others = await asking(gathering, range(1, MOST + 6), oracle)
        oracle.may.set()
        return await asyncio.gather(first, *others)

    answers = run(story)

    assert answers == [2 * number for number in range(MOST + 6)]
    assert [len(asked) for asked in oracle.asked] == [1, MOST, 5]


def test_an_error_is_everyones_who_asked_with_it_and_the_next_are_answered(run, oracle):
    async def story(gathering):
        first, others = await asking(gathering, [1, None], oracle)
        oracle.may.set()
        told = await asyncio.gather(first, *others, return_exceptions=True)
        return told, await gathering.ask(5, 60)

    told, later = run(story)

    assert told[0] == 0
    assert [type(one) for one in told[1:]] == [Unreachable, Unreachable]
    assert later == 10


def test_who_does_not_wait_any_longer_is_not_asked_for(run, oracle):
    async def story(gathering):
        first, others = await asking(gathering, [1], oracle, seconds=0.001)
        late = await asyncio.gather(*others, return_exceptions=True)
        oracle.may.set()
        return late, await first, await gathering.ask(2, 60)

    late, first, later = run(story)

    assert isinstance(late[0], TimeoutError)
    assert (first, later) == (0, 4)
    assert oracle.asked == [[0], [2]]


def test_a_question_is_let_go_when_nobody_waits_though_the_thread_still_hangs(run, oracle):
    class Large(float):
        """A question that can be seen to go."""

    async def unheard(gathering):
        question = Large(1)
        with suppress(TimeoutError):
            await gathering.ask(question, 0.001)
        return weakref.ref(question)

    async def story(gathering):
        first, _ = await asking(gathering, [], oracle)
        seen = await unheard(gathering)
        gc.collect()
        held = seen() is not None
        oracle.may.set()
        return held, await first

    held, first = run(story)

    assert (held, first) == (False, 0)


def test_a_line_is_said_at_once_and_then_once_a_minute_for_all_since():
    now = [100.0]
    seldom = Seldom(lambda: now[0])

    first = [seldom.times("refused", "a") for _ in range(3)]
    other = seldom.times("refused", "b")
    now[0] += EVERY
    later = [seldom.times("refused", "a") for _ in range(2)]

    assert first == [1, 0, 0]
    assert other == 1
    assert later == [3, 0]
