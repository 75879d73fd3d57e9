"""Planted faults in what keeps quiet hours."""

from tests.simulation.mutant import edited as _edit

LISTED = (
    _edit(
        "a window closes unseen",
        "  elseif it.edges and is_open(it.state) and not open then\n    rest(job, it)\n",
        "",
        *(("hours",) * 3),
    ),
    _edit(
        "a slice may call for longer than its window is open",
        "return open and math.min(left, edge - WALL) or 0",
        "return left",
        *(("hours",) * 6),
    ),
    _edit(
        "a window opens for nobody",
        "or open and it.state == 'paused' and it.by == window.BY then",
        "then",
        *(("hours",) * 3),
    ),
    _edit(
        "a resume outside the window lets the job go",
        "  if it.edges and not window.of(it.edges) then\n    return 'paused'",
        "  if false then\n    return 'paused'",
        *(("hours",) * 3),
    ),
    _edit(
        "a second stretch of a day is forgotten",
        "if WALL < at then return i % 2 == 1, at end",
        "if WALL < at then return i == 1, at end",
        *(("hours",) * 3),
    ),
)
