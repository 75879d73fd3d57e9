"""Planted faults in jobs over many apps: their waves, their visits, and what wakes their items."""

from tests.simulation.mutant import edited

FLEET = ("fleet",) * 8

LISTED = (
    edited(
        "a wave begins although an app of the one before has failed",
        "  if num(it.failed, 0) + num(it.unknown, 0) > 0 then\n",
        "  if false then\n",
        *FLEET,
    ),
    edited(
        "no wave waits for its soak",
        "  local at = NOW + num(it.soak, 0)\n",
        "  local at = NOW\n",
        *FLEET,
    ),
    edited(
        "a resumed job forgets its soak",
        "  local may_release = open and NOW >= num(it.release_at, 0)\n",
        "  local may_release = open\n",
        *FLEET,
    ),
    edited(
        "the first app of a halted wave does not go back",
        "    elseif it.rolling and live and index >= wave_from and index < next then\n",
        "    elseif it.rolling and live and index > wave_from and index < next then\n",
        *FLEET,
    ),
    edited(
        "apps that needed no call keep their wave from going back",
        "    local well = num(it.succeeded, 0) + num(it.skipped, 0)\n",
        "    local well = num(it.succeeded, 0)\n",
        *FLEET,
    ),
    edited(
        "a visit ends with its first part",
        "  if from + #names < to and #names > 0 then\n",
        "  if false then\n",
        *FLEET,
    ),
    edited(
        "an event wakes nobody",
        "      redis.call('ZADD', zset, whole(NOW), member)\n",
        "",
        *FLEET,
    ),
    edited(
        "whom an event has woken is not looked for",
        "if woken > 0 then wait_for_retries(app, cell_of(app)) end\n",
        "",
        *FLEET,
    ),
)
