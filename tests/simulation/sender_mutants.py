"""Planted faults in what keeps messages to sessions, and to their senders' pace."""

from tests.simulation.mutant import edited

LISTED = (
    edited(
        "a gate that is always open", "if opens > NOW then found", "if false then found", "senders"
    ),
    edited(
        "a dead worker's session is online",
        "(it.worker or '') ~= '' and num(it['until'], 0) > NOW end",
        "(it.worker or '') ~= '' end",
        *("senders",) * 3,
    ),
    edited(
        "a sender twice as fast as it may be",
        "found[#found + 1] = { pace = 1000000 / rate, tat = num(session.tat, 0)",
        "found[#found + 1] = { pace = 500000 / rate, tat = num(session.tat, 0)",
        *("senders",) * 2,
    ),
    edited(
        "each job has its sender's pace to itself",
        "hash = key('session', member),",
        "hash = key('job', job),",
        *("senders",) * 2,
    ),
)
