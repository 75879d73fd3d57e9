"""What one answer of the backend means for its item, as a worker reports it."""

from bulkhead.model.slice import Report
from tests.fakes.engine import FAILED, SKIPPED, SUCCEEDED, UNKNOWN
from tests.simulation.kernel import MICRO, require

ATTEMPTS = 6
GOES_ON = {("users.import", ""): "token"}
SLOWED = "throttled" in Report.__dataclass_fields__
"""Whether a report counts what slows an app, or says how long it is to rest."""


def fold(world, told, run, index, word):
    """What one answer means for the item, by what may be repeated at its step."""
    part = run.part
    repeat = world.repeat_of(part)
    if word == "done":
        _done(told, part, index)
    elif word == "known":
        end(told, index, SKIPPED)
        told.free += 1
    elif word == "refused":
        end(told, index, FAILED)
    elif word in ("throttled", "auth"):
        told.again.append(index)
        slow_down(told, run, word)
    elif word in ("lost", "broken") and repeat == "once":
        end(told, index, UNKNOWN)
    elif word in ("lost", "broken") and repeat == "check":
        told.next.setdefault("read_back", []).append(index)
    else:
        require(word in ("unsent", "lost", "broken", "absent"), "known words", word)
        _try_again(world, told, run, index, "" if word == "absent" else part.step)
    if SLOWED and word in ("unsent", "lost", "broken"):
        told.troubled += 1


def _done(told, part, index):
    step = GOES_ON.get((part.kind, part.step))
    if step:
        told.next.setdefault(step, []).append(index)
    else:
        end(told, index, SUCCEEDED)


def end(told, index, state):
    """The item has ended."""
    told.states.setdefault(state, []).append(index)
    told.rows.append([index, state, "", "", "", {}, 1, 0, 0])


def slow_down(told, run, word):
    """The backend wants its app to rest, or does not accept its token."""
    if word == "auth":
        told.stop, told.app_version = ("AUTHFAIL", "the token"), run.begun.app_version
    elif SLOWED:
        told.throttled += 1
    else:
        told.cool = told.cool or 0


def _try_again(world, told, run, index, step):
    before = run.begun.tries.get(index)
    tries = (before.count if before else 0) + 1
    if tries >= ATTEMPTS and step == "read_back":
        end(told, index, UNKNOWN)
    elif tries >= ATTEMPTS:
        end(told, index, FAILED)
    else:
        pause = pause_before(world, tries)
        told.retries.append((index, pause, tries, world.kernel.now // 1000, step))


def pause_before(world, tries):
    """Microseconds until an item is tried again."""
    return round(world.chance.random() * min(60.0, 0.5 * 2 ** (tries - 1)) * MICRO)
