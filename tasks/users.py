"""What is done to a user."""

from __future__ import annotations

from bulkhead.backend import users
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.outcome import Refused
from bulkhead.model.user import Problem, UserMapping, read_user


def provision(facts: JobFacts, item: Item) -> Call | Refused:
    """Create the user of this row, or bring an existing one to the row's state; no token."""
    user = read_user(UserMapping(**facts.mapping), item.cells)
    if isinstance(user, Problem):
        return Refused(user.code, user.message)
    return users.useradd(
        users.User(user.address, name=user.name, active=user.active, flags=user.flags)
    )
