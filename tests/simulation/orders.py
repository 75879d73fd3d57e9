"""Jobs over many apps as they are drawn, and as a producer orders them."""

from itertools import islice

from bulkhead.model.kind import repeats
from bulkhead.model.window import parse_window
from tests.fakes.engine import START
from tests.simulation.fleet_job import FleetJob
from tests.simulation.kernel import MICRO

KIND = "creds.rotate"


def drawn(among, seconds, chance):
    """A rotation of some of these apps: their names, where its waves end, and the rest."""
    apps = chance.sample(sorted(among), chance.randint(2, len(among)))
    ends = sorted(chance.sample(range(1, len(apps) + 1), chance.randint(1, min(4, len(apps)))))
    same = chance.choice((0.1, 0.1, 0.9))
    request = {
        "soak": chance.choice((0.0, 0.0, 0.5, 3.0)),
        "rollback": chance.random() < 0.6,
        "address": f"probe{chance.randrange(4)}",
        "within": chance.choice((0, 1, 4)) * MICRO,
        "same": {item for item in range(len(apps)) if chance.random() < same},
    }
    for word, odds in (("at", 0.2), ("deadline", 0.15)):
        if chance.random() < odds:
            request[word] = chance.uniform(5, seconds)
    if chance.random() < 0.2:
        request["rate"] = chance.choice((2.0, 10.0))
    return apps, ends, request


def add_fleet(world, apps, ends, request):
    """Order a rotation of those apps that are still there; the model knows of it."""
    request, models = in_time(request), world.model
    known = {word: request.pop(word) for word in ("address", "within", "same")}
    apps = [name for name in apps if not models.apps[name].gone]
    if not apps:
        return
    ends = sorted({min(end, len(apps)) for end in ends} | {len(apps)})
    job = world.submit_fleet(apps, ends, kind=KIND, **request)
    deadline = in_micros(request.get("deadline"))
    made = FleetJob(job, "", steps_of(KIND), len(apps), deadline, {}, **known)
    made.after_loss = made_good(KIND)
    made.names, made.ends, made.rollback = tuple(apps), tuple(ends), request["rollback"]
    made.soak = in_micros(request["soak"]) or 0
    models.add_job(made)
    world.bell.hear()


def in_time(request):
    """The request with its times, counted from the beginning of the run, as times of day."""
    times = {word: request[word] for word in ("at", "deadline") if word in request}
    return request | {word: (START + at * MICRO) / MICRO for word, at in times.items()}


def hours_of(window):
    """The first three stretches of a window, in microseconds; none of none."""
    if not window:
        return ()
    stretches = islice(parse_window(window).stretches(START / MICRO), 3)
    return tuple((first * MICRO, last * MICRO) for first, last in stretches)


def steps_of(kind):
    """Step → what may be done about a lost answer at it; what another step makes good, may be."""
    told = {name.partition(":")[2]: how for name, how in repeats(kind).items()}
    return told | dict.fromkeys(made_good(kind), "check")


def made_good(kind):
    """Step → the step that makes good what was lost at it, where the kind names one."""
    told = {name.partition(":")[::2]: to for name, to in repeats(kind).items()}
    return {step: to for (word, step), to in told.items() if word == "lost"}


def in_micros(seconds):
    """A time that may not be given, as the store has it."""
    return round(seconds * MICRO) if seconds else None
