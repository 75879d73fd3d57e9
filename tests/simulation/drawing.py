"""What scenarios are drawn from: apps, jobs, troubles, and what people do."""

from tests.simulation.backend import Service

TROUBLES = ("refused", "unsent", "lost", "broken", "hangs", "throttled", "slow")
BRAKES = ("pause", "pause_app", "pause_tenant")
KINDS = ("users.import", "users.import", "users.delete", "users.tokens.issue", "apps.check")


def draw_apps(made, chance, tenants, apps, rates=(2, 5, 20, 50, 200), **fixed):
    for number in range(tenants):
        made.tenants[f"t{number}"] = chance.choice((1.0, 1.0, 2.0, 5.0))
    for number in range(apps):
        rate = chance.choice(rates)
        drawn = {
            "rate": rate,
            "burst": chance.choice((1, 1, max(1, rate // 5), rate, 2 * rate)),
            "cap": chance.choice((1, 4, 8, 64)),
            "latency": chance.choice((5_000, 50_000, 50_000, 300_000)),
        }
        made.apps[f"t{chance.randrange(tenants)}/a{number}"] = Service(**{**drawn, **fixed})


def draw_work(made, chance, jobs, most, seconds, kinds=KINDS, size=2.5):
    names = list(made.apps)
    for _ in range(jobs):
        app = chance.choice(names)
        items = max(1, min(round(chance.lognormvariate(size, 1.2)), most))
        request = {
            "kind": chance.choice(kinds),
            "priority": chance.choice(("urgent", "normal", "bulk")),
        }
        if chance.random() < 0.1:
            request["refused"] = {chance.randrange(items)} if items > 1 else set()
        made.jobs.append((chance.uniform(0, seconds), app, items, request))


def draw_trouble(made, chance):
    for service in made.apps.values():
        if chance.random() < 0.5:
            words = chance.sample(TROUBLES, 3)
            service.odds = {word: chance.choice((0.01, 0.05, 0.15)) for word in words}
            if "hangs" in service.odds:
                service.odds["hangs"] = 0.005


def draw_acts(made, chance, verbs, most):
    for _ in range(most):
        verb, whom, when = chance.choice(verbs), chance.random(), chance.uniform(0.5, made.seconds)
        made.acts.append((when, verb, whom, chance.random()))
        if verb in BRAKES:
            later = when + chance.uniform(0.1, 1.0)
            made.acts.append((later, verb.replace("pause", "resume"), whom, 0.0))
