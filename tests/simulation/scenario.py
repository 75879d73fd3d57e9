"""What a seed draws: how many apps of whom, what is asked of them, and what goes wrong."""

import random
from dataclasses import dataclass, field

from tests.simulation.backend import Service
from tests.simulation.drawing import BRAKES, draw_acts, draw_apps, draw_trouble, draw_work
from tests.simulation.faults import Faults
from tests.simulation.orders import drawn
from tests.simulation.senders import NAMES

PROFILES = (
    *("calm", "faults", "deaths", "brakes", "storm"),
    *(
        "crowd",
        "fair",
        "mixed",
        "returns",
        "tokens",
        "doubt",
        "fleet",
        "joined",
        "hours",
        "senders",
    ),
)
HOURS = ("17:47-19:00[UTC]", "17:40-17:47,17:48-19:00[UTC]")
"""A run begins at 17:46:40: one opens after 20 s, one is closed from then to the 80th second."""


@dataclass
class Scenario:
    """A whole run, before it runs."""

    seed: int
    profile: str
    workers: int = 3
    calls: int = 24
    seconds: int = 20
    odds: dict = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    tenants: dict = field(default_factory=dict)
    """Name → weight."""
    apps: dict = field(default_factory=dict)
    """Name → Service."""
    jobs: list = field(default_factory=list)
    """(second, app, items, request)."""
    senders: dict = field(default_factory=dict)
    """App → messages a second that each of its real-time senders may send."""
    fleets: list = field(default_factory=list)
    """(second, apps, ends of the waves, request)."""
    short_visits: bool = False
    """The apps of a fleet job are visited two at a time."""
    tests: tuple = (0.0, 0.0)
    """How likely the result of a test does not come, or is bad."""
    acts: list = field(default_factory=list)
    """(second, verb, on whom, what)."""

    @property
    def calm(self):
        return self.profile in ("calm", "fair")


def draw(seed, scale=1.0, profile=None):
    """The scenario of a seed; a smaller scale has fewer apps and jobs."""
    chance = random.Random(seed)
    made = Scenario(seed, profile or PROFILES[seed % len(PROFILES)])
    globals()[f"_{made.profile}"](made, chance, scale)
    made.jobs.sort(key=lambda job: job[0])
    made.acts.sort(key=lambda act: act[0])
    return made


def _calm(made, chance, scale):
    """Nothing is wrong: then no permit may be lost and nobody waits."""
    made.seconds, made.workers, made.calls = 8, 3, 48
    draw_apps(made, chance, 3, 4, cap=64, latency=20_000)
    for app, service in made.apps.items():
        service.rate = chance.choice((10, 40, 80))
        service.burst = chance.choice((1, 1, 5, service.rate))
        items = round(service.rate * (made.seconds + 4) * max(scale, 0.5)) + service.burst
        made.jobs.append((2.4, app, items, {"kind": "apps.check"}))
    for number in range(6):
        name = f"t9/quick{number}"
        made.apps[name] = Service(rate=50, burst=5, cap=8, latency=20_000)
        # The first three come while nothing else keeps anybody awake.
        made.jobs.append((0.33 + number * 0.77, name, 3, {"kind": "apps.check"}))
    made.tenants["t9"] = 1.0


def _returns(made, chance, scale):
    """Half of what is claimed goes back at once; its permits go with it, so the rate is reached."""
    _calm(made, chance, scale)
    made.faults.publish_fails = 0.5


def _fair(made, chance, scale):
    """Slots run out, and everybody has work: shares follow the weights."""
    made.seconds, made.workers, made.calls = 4, 2, 20
    made.tenants = {"t0": 1.0, "t1": 2.0, "t2": 2.0}
    chance.shuffle(names := list(made.tenants))
    for tenant in names:
        for number in range(chance.choice((1, 2, 3))):
            made.apps[f"{tenant}/a{number}"] = Service(rate=1e5, burst=1, cap=64, latency=100_000)
            made.jobs.append((0.1, f"{tenant}/a{number}", 1500, {"kind": "apps.check"}))


def _faults(made, chance, scale):
    """Everything that can be lost, doubled or late on the way is."""
    for name in ("lost_answer", "lost_bell", "publish_fails", "message_lost", "message_doubled"):
        setattr(made.faults, name, chance.choice((0.01, 0.05, 0.2)))
    made.faults.settled_again_late = 0.2
    made.faults.slow_way = chance.choice((0.0, 0.02))
    made.faults.slow_queue = chance.choice((0.0, 0.05))
    draw_apps(made, chance, 4, max(3, round(25 * scale)))
    draw_trouble(made, chance)
    draw_work(made, chance, max(3, round(60 * scale)), 400, made.seconds)
    # Hiccups: permits that are missed come back in the middle of a slice.
    for _ in range(40):
        act = ("freeze", "", chance.uniform(0.05, 0.3))
        made.acts.append((chance.uniform(0.2, made.seconds), *act))


def _deaths(made, chance, scale):
    """Workers die at any step, are frozen, and leave."""
    made.workers = 4
    made.seconds = 30
    made.faults.crash = chance.choice((0.0, 0.002, 0.005))
    made.faults.lost_answer = chance.choice((0.0, 0.02))
    draw_apps(made, chance, 4, max(5, round(25 * scale)), rates=(5, 20, 50), latency=300_000)
    draw_trouble(made, chance)
    draw_work(made, chance, max(8, round(60 * scale)), 400, made.seconds - 10, size=3.5)
    for _, _, items, request in made.jobs[:2]:
        request["poison"] = {chance.randrange(items)}
    for _ in range(15):
        verb = chance.choice(("kill", "kill", "freeze", "freeze", "leave"))
        made.acts.append(
            (chance.uniform(0.5, made.seconds), verb, "", chance.choice((0.5, 3, 12, 60)))
        )


def _brakes(made, chance, scale):
    """People pause, resume, cancel, change limits and tokens, and retry."""
    made.faults.lost_answer = chance.choice((0.0, 0.02))
    made.faults.slow_queue = chance.choice((0.3, 0.6))
    draw_apps(made, chance, 3, max(5, round(12 * scale)), rates=(5, 20, 50))
    draw_trouble(made, chance)
    draw_work(made, chance, max(12, round(40 * scale)), 600, made.seconds, size=4.2)
    # Only the clock can end this one: its deadline comes before its time.
    rests = {"kind": "apps.check", "at": 15.0, "deadline": 4.0}
    made.jobs.append((0.5, chance.choice(list(made.apps)), 5, rests))
    for _, _, items, request in made.jobs[:-1]:
        if chance.random() < 0.15:
            request["at"] = chance.uniform(0, made.seconds)
        if chance.random() < 0.3:
            request["deadline"] = chance.uniform(1, made.seconds)
        if chance.random() < 0.1 and items > 10:
            request["max_failures"] = "3"
    verbs = (*BRAKES, *BRAKES, "cancel", "set_app", "token_dies", "new_token", "retry", "flush")
    draw_acts(made, chance, verbs, 100)


def _hours(made, chance, scale):
    """Jobs rest outside their hours, whatever people do meanwhile."""
    made.seconds = 30
    _brakes(made, chance, scale)
    for _, _, _, request in made.jobs:
        if chance.random() < 0.7:
            request["window"] = chance.choice(HOURS)


def _senders(made, chance, scale):
    """Messages that go out through sessions, which come and go, beside calls that need none."""
    made.seconds = 30
    made.faults.lost_answer = chance.choice((0.0, 0.02))
    made.faults.publish_fails = chance.choice((0.0, 0.1))
    made.faults.slow_queue = chance.choice((0.0, 0.1))
    made.faults.crash = chance.choice((0.0, 0.001))
    draw_apps(made, chance, 3, max(3, round(8 * scale)), rates=(20, 50))
    # What may not be repeated stands for messages.
    kinds = ("users.import", "users.tokens.issue")
    draw_work(made, chance, max(8, round(40 * scale)), 300, 20, kinds, 3.5)
    made.senders = {app: chance.choice((2, 10, 40)) for app in made.apps}
    for _, _, _, request in made.jobs:
        if request["kind"] == "users.tokens.issue":
            request["sender"] = chance.choice(NAMES)
    draw_acts(made, chance, (*BRAKES, "cancel", "kill", "freeze", "leave", "retry"), 30)


def _tokens(made, chance, scale):
    """Tokens end and are changed while calls with the old one are out."""
    made.faults.slow_queue = 0.1
    draw_apps(made, chance, 3, 4, latency=300_000)
    draw_work(made, chance, max(3, round(40 * scale)), 600, made.seconds, size=4.2)
    draw_acts(made, chance, ("token_dies", "new_token", "new_token", "set_app"), 80)


def _doubt(made, chance, scale):
    """Deletions whose answers are lost, and jobs that end before anybody has looked for them."""
    made.faults.crash = 0.002
    draw_apps(made, chance, 3, max(5, round(12 * scale)), rates=(20, 50), latency=300_000)
    for service in made.apps.values():
        service.odds = {"lost": 0.3, "unsent": 0.1, "slow": 0.1}
    draw_work(made, chance, max(12, round(40 * scale)), 300, 15, ("users.delete",), 3.5)
    for _, _, _, request in made.jobs:
        if chance.random() < 0.4:
            request["deadline"] = chance.uniform(2, made.seconds)
    draw_acts(made, chance, ("cancel", "pause", "cancel", "retry", "kill"), 40)


def _joined(made, chance, scale):
    """Calls that carry several items each, or fewer than was hoped; whatever else goes wrong."""
    made.workers, made.seconds = 3, 12
    made.faults.crash = chance.choice((0.0, 0.002))
    for name in ("lost_answer", "publish_fails", "message_lost", "message_doubled"):
        setattr(made.faults, name, chance.choice((0.0, 0.02, 0.1)))
    made.faults.settled_again_late = 0.1
    made.faults.slow_queue = chance.choice((0.0, 0.1))
    draw_apps(made, chance, 3, max(5, round(15 * scale)), rates=(5, 20, 50))
    draw_trouble(made, chance)
    kinds = ("users.tokens.issue", "users.delete", "apps.check")
    draw_work(made, chance, max(8, round(60 * scale)), 3000, made.seconds / 2, kinds, 5.0)
    for _, _, items, request in made.jobs:
        request["join"] = chance.choice((2, 7, 30, 100))
        request["alike"] = chance.choice((1, 3, 20, 1000))
        if chance.random() < 0.1:
            request["poison"] = {chance.randrange(items)}
        if chance.random() < 0.1:
            request["rate"] = chance.choice((1.0, 5.0))
    draw_acts(made, chance, (*BRAKES, "cancel", "kill", "kill", "freeze", "leave", "retry"), 20)


def _storm(made, chance, scale):
    """Backends answer 429, break, or bear less than they are asked for."""
    made.seconds = 40
    draw_apps(made, chance, 3, max(4, round(12 * scale)))
    for number, service in enumerate(made.apps.values()):
        begin = chance.uniform(2, 10)
        if number % 3 == 0:
            service.storms = [(begin, begin + chance.choice((3, 10, 20)))]
        elif number % 3 == 1:
            service.odds = {"throttled": 0.1, "broken": 0.05}
    draw_work(made, chance, max(4, round(40 * scale)), 500, 25, ("users.import", "apps.check"))


def _crowd(made, chance, scale):
    """Thousands of apps with a little work each."""
    made.workers, made.calls, made.seconds = 4, 64, 10
    made.faults.lost_bell = 0.3
    apps = max(20, round(1000 * scale))
    draw_apps(made, chance, max(4, apps // 20), apps)
    draw_work(made, chance, round(1.5 * apps), 12, 8)


def _mixed(made, chance, scale):
    """All of it at once."""
    _brakes(made, chance, scale)
    for name in ("lost_answer", "lost_bell", "publish_fails", "message_lost", "message_doubled"):
        setattr(made.faults, name, 0.05)
    made.faults.settled_again_late = 0.1
    made.faults.crash = 0.002
    for _ in range(round(6 * max(scale, 0.3))):
        verb = chance.choice(("kill", "freeze", "leave"))
        made.acts.append((chance.uniform(0.5, made.seconds), verb, "", chance.choice((0.5, 3, 12))))
    made.acts.sort(key=lambda act: act[0])


def _fleet(made, chance, scale):
    """Rotations over many apps, in waves, whatever happens to apps, workers and jobs meanwhile."""
    made.seconds, made.short_visits = 40, chance.random() < 0.7
    made.tests = (chance.choice((0.0, 0.1)), chance.choice((0.0, 0.0, 0.2)))
    made.faults.lost_answer = chance.choice((0.0, 0.02))
    made.faults.lost_bell = chance.choice((0.0, 0.3))
    made.faults.crash = chance.choice((0.0, 0.0, 0.002))
    made.faults.publish_fails = chance.choice((0.0, 0.05))
    made.faults.settled_again_late = 0.1
    draw_apps(made, chance, 3, max(8, round(25 * scale)), rates=(5, 20, 50), latency=50_000)
    trouble = chance.choice((0.0, 0.01, 0.04))
    for service in made.apps.values():
        service.odds = dict.fromkeys(("refused", "unsent", "lost", "broken", "throttled"), trouble)
        service.odds |= {"slow": 0.05, "hangs": trouble / 5}
    draw_work(made, chance, max(4, round(10 * scale)), 30, made.seconds)
    for _ in range(max(6, round(18 * scale))):
        when = chance.uniform(0, made.seconds - 10)
        made.fleets.append((when, *drawn(made.apps, made.seconds, chance)))
        if chance.random() < 0.4:
            # The newest job, in the middle of its first visit.
            soon = chance.choice((0.05, 0.05, 0.2))
            made.acts.append((when + chance.uniform(0.003, soon), "pause", 0.9999, 0.0))
            made.acts.append((when + chance.uniform(0.5, 2.0), "resume", 0.9999, 0.0))
    verbs = (
        *BRAKES,
        *BRAKES,
        "cancel",
        "set_app",
        "remove_app",
        "kill",
        "freeze",
        "leave",
        "flush",
    )
    draw_acts(made, chance, (*verbs, "token_dies", "new_token", "new_token"), 50)
