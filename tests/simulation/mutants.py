"""Planted faults: each must be caught, or the simulation looks away from something.

A fault is an edit of a script, whose text must be there exactly once, or a flaw of the simulated
worker. `seeds` are runs (profile, seed) of which at least one must end in a violation.
"""

from tests.simulation import fleet_mutants, hours_mutants, permit_mutants, sender_mutants
from tests.simulation.mutant import Mutant
from tests.simulation.mutant import edited as _edit

LISTED = (
    _edit(
        "settle without the fence",
        "if lease.worker == worker and lease.state == 'begun' then",
        "if lease.state == 'begun' or not lease.worker then",
        *("deaths", "faults"),
    ),
    _edit(
        "settle counts what is sent twice",
        "if entry.seq <= num(lease.seq, 0) then",
        "if false then",
        *(("faults",) * 8),
    ),
    _edit(
        "settle leaves no marker",
        "redis.call('SET', key('settled', lease.id), '1', 'EX', 60)",
        "",
        *("faults",),
    ),
    _edit(
        "ring no bell",
        "if redis.call('LLEN', key('bell', cell)) == 0 then",
        "if false then",
        *("calm", "calm", "calm"),
    ),
    _edit(
        "mark nothing as sent",
        "if repeat_of(lease.job, lease.step) ~= 'safe' then mark(lease.job, lease.left, SENT) end",
        "",
        *("faults",),
    ),
    _edit(
        "once counts as safe",
        "return redis.call('HGET', key('job', job), step == '' and 'repeat' or 'repeat:' .. step) or 'once'",
        "return 'safe'",
        *("deaths",),
    ),
    _edit(
        "slices of once items beyond a window",
        "return parallel, safe and most or math.min(most, parallel), latency",
        "return parallel, most, latency",
        *("faults", "deaths"),
    ),
    _edit(
        "begin without the time check",
        "if NOW >= tonumber(lease.at) + GRANT then return 'expired' end",
        "",
        *("faults", "brakes", "deaths"),
    ),
    _edit(
        "begin tells too much time",
        "      local ends = tonumber(lease.at) + GRANT",
        "      local ends = NOW + GRANT",
        *("faults",),
    ),
    _edit(
        "pause of a job ignored in begin",
        "  if not is_open(it.state) then return 'held' end",
        "",
        *("brakes", "mixed", "brakes"),
    ),
    _edit(
        "pause of an app ignored in begin",
        "  if not may_call(app, it.kind) then return 'held' end",
        "",
        *(("brakes",) * 6),
    ),
    _edit(
        "pause of a tenant ignored",
        "  if tenant_of(app.tenant).state ~= 'active' then return 'held' end",
        "",
        *("brakes", "mixed", "brakes"),
    ),
    _edit(
        "deadline ignored in begin",
        "  if num(it.deadline, WALL + 1) <= WALL then\n    time_out(lease.job)\n    return 'held'\n  end",
        "",
        *("brakes", "mixed", "brakes"),
    ),
    _edit(
        "cancel leaves items claimable",
        "  if not is_open(it.state) then return false end\n  if it.apps",
        "  if not is_open(it.state) and it.state ~= 'cancelled' then return false end\n  if it.apps",
        *("brakes", "mixed"),
    ),
    _edit(
        "never reap granted leases",
        "    local items = count(lease.left)\n    end_granted(lease)",
        "    local items = count(lease.left)",
        *("deaths", "faults"),
    ),
    _edit(
        "reap once items as pending",
        "if may_repeat == 'once' and (fatal or not resent) then",
        "if false then",
        *("deaths",),
    ),
    _edit(
        "reap check items without reading back",
        "may_repeat == 'check' and 'read_back' or lease.step",
        "lease.step",
        *("deaths", "mixed"),
    ),
    _edit(
        "reap forgets what was in flight",
        "    redis.call('HINCRBY', key('job', lease.job), 'in_flight', -items)\n",
        "",
        *("deaths",),
    ),
    _edit(
        "a reaped lease says nothing of its items",
        "      redo(lease.job, lease.app, lease.left, deaths, step)",
        "      redo(lease.job, lease.app, '', deaths, step)",
        *("deaths",),
    ),
    _edit(
        "lose the rest of a redo entry",
        "      redis.call('LPUSH', list, redo_entry(first + size, last, deaths, step))",
        "",
        *("deaths", "faults", "brakes"),
    ),
    _edit(
        "suspects go together",
        "local size = math.min(last - first + 1, most - taken, deaths >= 2 and 1 or SLICE)",
        "local size = math.min(last - first + 1, most - taken, SLICE)",
        *(("deaths",) * 13),
    ),
    _edit(
        "lose what was granted and not begun",
        "  redo(lease.job, lease.app, lease.left, num(lease.deaths, 0), lease.step)\n  drop_lease(lease)",
        "  drop_lease(lease)",
        *("faults",),
    ),
    _edit(
        "held is not given back",
        "  redis.call('HINCRBY', key('app', name), 'held', lanes)",
        "  redis.call('HINCRBY', key('app', name), 'held', math.max(0, lanes))",
        *("calm",),
    ),
    _edit(
        "a dropped lease stays its worker's",
        "  redis.call('SREM', key('worker', worker, 'leases'), unpack(dropped))\n",
        "",
        *("storm", "faults"),
    ),
    _edit(
        "retries are due at once",
        "whole(NOW + back.after), member)",
        "whole(NOW), member)",
        *("faults", "faults", "mixed", "faults", "mixed"),
    ),
    _edit(
        "retries lost while the job is paused",
        "local live = is_live(redis.call('HGET', key('job', lease.job), 'state'))",
        "local live = is_open(redis.call('HGET', key('job', lease.job), 'state'))",
        *("brakes",) * 7,
    ),
    _edit(
        "nobody waits for a retry",
        "wait_for_retries(lease.app, lease.cell or 'main')",
        "",
        *("faults",),
    ),
    _edit(
        "the next step is forgotten",
        "redo(lease.job, lease.app, step[2], 0, step[1])",
        "redo(lease.job, lease.app, step[2], 0, '')",
        *("faults",),
    ),
    _edit(
        "a job ends with calls on the wire",
        "if over < released or num(it.in_flight, 0) > 0 or it.visit then",
        "if over + num(it.in_flight, 0) < released or it.visit then",
        *("calm", "faults"),
    ),
    _edit(
        "a late answer replaces what is known",
        "redis.call('BITFIELD', map, 'GET', 'u4', at)[1] == UNKNOWN then",
        "true then",
        *("mixed", *(("deaths",) * 7)),
    ),
    _edit(
        "an old token stops the new one",
        "if entry.app_version ~= '' and entry.app_version ~= version then return end",
        "",
        *("tokens", "tokens", "tokens"),
    ),
    _edit(
        "beats are not heard",
        "redis.call('ZADD', key('worker'), whole(NOW + seconds * 1000000), worker)",
        "redis.call('ZADD', key('worker'), 'NX', whole(NOW + seconds * 1000000), worker)",
        *("calm", "faults"),
    ),
    _edit(
        "what is overdue is told to nobody",
        "return redis.call('ZCOUNT', key(set), '-inf', whole(at or NOW)) > 0",
        "return false",
        *("calm", "faults"),
    ),
    _edit(
        "a resumed job is not offered",
        "  tell_app(id, it.app, it.apps)\n",
        "  if not it.apps then place(it.app) end\n",
        *("brakes", "mixed", "brakes", "tokens", "brakes", "brakes"),
    ),
    _edit(
        "what nobody looked for is cancelled with its job",
        "  give_up_unsure(job)\n",
        "",
        *("doubt",),
    ),
    _edit(
        "what comes back unsure to an ended job is cancelled with it",
        "      become_unknown(job, ranges, NOBODY_LOOKED)\n      return false",
        "      return true",
        *("doubt",),
    ),
    _edit(
        "a deadline passes unseen",
        "  local app = time_out(job)",
        "  local app = nil",
        *("brakes",),
    ),
    *permit_mutants.LISTED,
    *fleet_mutants.LISTED,
    *hours_mutants.LISTED,
    *sender_mutants.LISTED,
    Mutant(
        "a worker calls without looking at the time",
        (),
        ("deaths", "brakes", "mixed"),
        ("calls without looking at the time",),
    ),
    Mutant("a worker runs doubled messages", (), ("faults",) * 6, ("runs doubled messages",)),
    Mutant(
        "a worker sends before it begins", (), ("faults", "brakes"), ("sends before it begins",)
    ),
    Mutant(
        "a worker settles with a number it used before",
        (),
        ("faults", "calm"),
        ("counts no reports",),
    ),
)

MUTANTS = {mutant.name: mutant for mutant in LISTED}
