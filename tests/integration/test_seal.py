"""The moment in which an input becomes a job, when the store or a person interferes."""

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bulkhead import client
from bulkhead.engine.draft import Draft, Request
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import Interrupted, Unreachable
from bulkhead.model.app import AppSettings
from bulkhead.model.batch import Batch

REQUEST = Request("users.import", "acme", "acme/shop", columns=["address"], mapping={"address": 0})
ENTRIES = [client.Entry(n, [f"user{n}@example.com"]) for n in range(1, 4)]


class AnswerLost(Scripts):
    """Every seal reaches the store; the answers of the first ones do not reach us."""

    def __init__(self, redis, error, times):
        super().__init__(redis)
        self.error, self.times, self.asked = error, times, 0

    def run(self, verb, *args):
        answer = super().run(verb, *args)
        if verb == "submit":
            self.asked += 1
            if self.asked <= self.times:
                raise self.error
        return answer


class LeavesAfterwards(Scripts):
    """The store seals, then cannot be reached for the next questions."""

    def __init__(self, redis, times):
        self.there, self.times, self.away = redis, times, 0
        super().__init__(redis)

    @property
    def redis(self):
        if self.away == 0:
            return self.there
        self.away -= 1
        return Redis(port=1, retry=Retry(NoBackoff(), 0))

    @redis.setter
    def redis(self, given):
        self.there = given

    def run(self, verb, *args):
        answer = super().run(verb, *args)
        if verb == "submit":
            self.away = self.times
        return answer


class InterruptedAtFirst(Redis):
    """Its first pipe of commands reaches the store; then somebody presses Ctrl-C."""

    interrupted = False

    def pipeline(self, *args, **options):
        made = super().pipeline(*args, **options)
        carry_out = made.execute

        def execute():
            answers = carry_out()
            if not self.interrupted:
                self.interrupted = True
                raise KeyboardInterrupt
            return answers

        made.execute = execute
        return made


@pytest.fixture
def scripts(redis):
    made = Scripts(redis)
    fleet = Fleet(made)
    fleet.add_tenant("acme")
    settings = AppSettings(base_url="https://api.example.com/backend/")
    fleet.add_app("acme/shop", settings, SealedToken("box", "last", "print"))
    return made


def submit(scripts):
    return client.submit(scripts, REQUEST, ENTRIES, lambda: {"rows": len(ENTRIES)})


def test_a_seal_whose_answer_was_lost_is_asked_for_again_and_makes_one_job(scripts):
    lossy = AnswerLost(scripts.redis, Unreachable("gone"), times=2)

    job = submit(lossy)

    assert lossy.asked == 3
    assert job.state.value == "queued"
    assert [found.id for found in Jobs(scripts).newest()] == [job.id]


def test_a_store_that_leaves_right_after_the_seal_does_not_have_the_job_sent_again(scripts):
    leaving = LeavesAfterwards(scripts.redis, times=2)

    job = submit(leaving)

    assert leaving.away == 0
    assert [found.id for found in Jobs(scripts).newest()] == [job.id]


def test_an_interrupt_that_came_after_the_seal_leaves_the_job_whole_and_names_it(scripts):
    late = AnswerLost(scripts.redis, KeyboardInterrupt(), times=1)

    with pytest.raises(Interrupted) as caught:
        submit(late)

    [job] = Jobs(scripts).newest()
    assert job.id in caught.value.what
    assert caught.value.exit_code == 130
    assert job.counts.pending == len(ENTRIES)
    assert len(Jobs(scripts).segment(job.id, 0)) == len(ENTRIES)


def test_an_interrupt_while_rows_are_read_leaves_nothing_of_the_job(scripts):
    def entries():
        yield from ENTRIES
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.submit(scripts, REQUEST, entries(), dict)

    assert Jobs(scripts).newest() == []
    assert not list(scripts.redis.scan_iter(f"{scripts.key('job')}:*"))


def test_an_interrupt_in_the_moment_in_which_the_job_is_opened_leaves_nothing_of_it(scripts):
    typed = InterruptedAtFirst(connection_pool=scripts.redis.connection_pool)

    with pytest.raises(KeyboardInterrupt):
        submit(Scripts(typed))

    assert typed.interrupted
    assert Jobs(scripts).newest() == []
    assert not list(scripts.redis.scan_iter(f"{scripts.key('job')}:*"))


def test_a_sealed_job_is_not_discarded(scripts):
    draft = Draft(scripts, REQUEST)
    draft.take(Batch([1], [["user1@example.com"]], {}))
    draft.seal({"rows": 1})

    assert draft.discard() is False

    assert Jobs(scripts).get(draft.id).counts.pending == 1
