"""A rotation as workers and apps see it: uploads, a test, its result, and the ways back."""

from collections import Counter

from bulkhead.model.rotation import AWAIT, CODE_OF, UNDO_RESULT, UNDO_SILENCE, UNDO_TEST, VERIFY
from bulkhead.model.rotation import UNDO_UPLOAD as UNDO
from tests.fakes.engine import FAILED, SUCCEEDED
from tests.simulation.answers import ATTEMPTS, end, pause_before, slow_down
from tests.simulation.deaths import FATAL_DEATHS
from tests.simulation.kernel import MICRO, require

UPLOADS = ("", "read_back")
SOON = MICRO // 5
NOT_SENT = ("unsent", "throttled", "auth")
NO_CALL = ("known", "arrived", "failed there", "silence", "nothing yet")
"""Words that no call has given."""


class Rotations:
    """What the apps hold, what tests were sent, and what their webhooks have told."""

    def __init__(self, world, silent, bad):
        self._world = world
        self._silent, self._bad = silent, bad
        self._uploads = Counter()
        self._new = {}
        self._sent = {}
        self._heard = {}
        self._stuck = set()

    def called(self, part, index, answer):
        """The backend has been called for an item."""
        item = (part.job, index)
        if part.step in UPLOADS and answer.word not in NOT_SENT:
            self._uploads[item] += 1
            require(self._uploads[item] <= 2, "uploaded at most twice", *item)
        if not answer.executed:
            return
        if part.step in UPLOADS or part.step in CODE_OF:
            self._new[item] = part.step in UPLOADS
        elif part.step == VERIFY:
            self._send(part, index)

    def _send(self, part, index):
        world, job = self._world, self._world.model.jobs[part.job]
        self._sent[part.job, index] = world.now
        if world.chance.random() < self._silent:
            return
        word = "failed there" if world.chance.random() < self._bad else "arrived"
        later = world.now + round(world.chance.uniform(0.02, 1.1) * job.within)
        world.kernel.at(later, lambda: self._hear(part.app, job.address, word))

    def _hear(self, app, address, word):
        world = self._world
        self._heard[app, address] = (world.now, word)
        if not world.happens("lost_bell"):
            world.scripts.run("wake", app, address)
            world.model.woke(app, address)
            world.bell.hear()

    def spare(self, part, index):
        """The word on an item that needs no call; None where one is to be made."""
        job = self._world.model.jobs[part.job]
        if part.step == "" and index in job.same:
            return "known"
        if part.step != AWAIT:
            return None
        since = self._sent[part.job, index]
        at, word = self._heard.get((part.app, job.address), (-1, ""))
        if at >= since:
            return word
        return "nothing yet" if self._world.now < since + job.within else "silence"

    def fold(self, told, run, index, word):
        """What one answer means for the item: the next step, the end, or a way back."""
        part, step = run.part, run.part.step
        if word in ("throttled", "auth"):
            told.again.append(index)
            slow_down(told, run, word)
        elif word == "known" or step == AWAIT:
            self._fold_spared(told, part, index, word)
        elif word == "done" and step in UPLOADS:
            self._follow_upload(told, part, index)
        elif word == "done" and step == VERIFY:
            self._wait(told, part, index)
        elif word == "done" or (word == "refused" and step in ("", *CODE_OF)):
            self._fail(told, part, index, back=word == "done")
        elif step == "read_back" or word == "refused":
            told.next.setdefault(UNDO if step == "read_back" else UNDO_TEST, []).append(index)
        else:
            self._again(told, run, index, word)
        told.troubled += word in ("unsent", "lost", "broken")

    def _follow_upload(self, told, part, index):
        if self._world.model.jobs[part.job].within:
            told.next.setdefault(VERIFY, []).append(index)
        else:
            end(told, index, SUCCEEDED)

    def _fold_spared(self, told, part, index, word):
        told.free += 1
        if word == "known":
            end(told, index, 3)
        elif word == "arrived":
            end(told, index, SUCCEEDED)
        elif word == "nothing yet":
            self._wait(told, part, index)
        else:
            step = UNDO_SILENCE if word == "silence" else UNDO_RESULT
            told.next.setdefault(step, []).append(index)

    def _wait(self, told, part, index):
        job, now = self._world.model.jobs[part.job], self._world.now
        since = self._sent[part.job, index]
        after = SOON
        if part.step == AWAIT:
            after = max(1000, min(since + job.within - now, max(SOON, now - since)))
        told.waits.append((index, after, 0, since // 1000, AWAIT, job.address))

    def _fail(self, told, part, index, *, back):
        if part.step in CODE_OF and not back:
            self._stuck.add((part.job, index))
        end(told, index, FAILED)

    def _again(self, told, run, index, word):
        part, before = run.part, run.begun.tries.get(index)
        tries = (before.count if before else 0) + 1
        step = "read_back" if part.step == "" and word != "unsent" else part.step
        if tries < ATTEMPTS:
            pause = pause_before(self._world, tries)
            told.retries.append((index, pause, tries, self._world.now // 1000, step))
        elif step == VERIFY:
            told.next.setdefault(UNDO_TEST, []).append(index)
        elif step == "read_back":
            told.retries.append((index, MICRO, tries, self._world.now // 1000, step))
        else:
            self._fail(told, part, index, back=False)

    def judge(self):
        """At the end each app holds what its item says."""
        for job in self._world.model.jobs.values():
            if not hasattr(job, "late"):
                continue
            for index, state in job.final.items():
                item, dead = (job.name, index), job.deaths.get(index, 0) > FATAL_DEATHS
                new = self._new.get(item, False)
                if state == SUCCEEDED and index not in job.late:
                    require(new, "a rotated app has the new file", *item)
                if state == FAILED and item not in self._stuck and not dead:
                    require(not new, "an app that failed has the file before", *item)
