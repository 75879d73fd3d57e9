"""What is done to a user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from bulkhead.backend import users
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.engine.verbs import Person
from bulkhead.model.digest import digest
from bulkhead.model.kind import ISSUE, ISSUE_ONLY, JOIN, JOIN_FOR_TOKEN, READ_BACK, REPEATED
from bulkhead.model.outcome import Done, Next, Outcome, Refused, Repeat, Retry, Skipped, Unknown
from bulkhead.model.realtime import APP_ID
from bulkhead.model.slice import Known
from bulkhead.model.user import Problem, User, UserMapping, read_user

READ_KEPT = 4_096
"""Rows that are kept as they were read."""


def provision(facts: JobFacts, item: Item) -> Call | Refused:
    """Create the user of this row, or bring an existing one to the row's state; no token."""
    user = read(facts, item)
    return user if isinstance(user, Refused) else users.useradd(_wanted(user))


def then_token(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """A user that was provisioned goes on to its groups, and to its token, where there are any."""
    if not isinstance(outcome, Done):
        return outcome
    wants, user = _wants_token(facts, known), user_of(facts, item)
    if user is not None and user.groups:
        return Next(f"{JOIN_FOR_TOKEN if wants else JOIN}.0", outcome.upstream)
    return Next(ISSUE, outcome.upstream) if wants else outcome


def issue_with(facts: JobFacts, item: Item) -> Call | Refused:
    """Issue a token to the user of an import's row, who exists by now."""
    user = read(facts, item)
    if isinstance(user, Refused):
        return user
    # All that was sent before is sent again: nobody says whether what is left out would stay.
    return users.useradd(replace(_wanted(user), token=_token(user)))


def issue(facts: JobFacts, item: Item) -> Call | Refused:
    """Issue a token to a user who must exist: a mistyped address makes no new user."""
    user = read(facts, item)
    return user if isinstance(user, Refused) else users.userset(user.address, token=_token(user))


def sign_in(facts: JobFacts, item: Item) -> Call | Refused:
    """Issue a token to a sender who must exist, for our sessions alone."""
    user = read(facts, item)
    if isinstance(user, Refused):
        return user
    call = users.userset(user.address, token=users.TokenRequest(appid=APP_ID))
    return replace(call, repeat=Repeat.SAFE)


def only_token(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """Nothing but the token was asked for."""
    del facts, item, known
    return replace(outcome, detail="token_issued") if isinstance(outcome, Done) else outcome


def revoke(facts: JobFacts, item: Item) -> Call | Refused:
    """Take the user's token away."""
    user = read(facts, item)
    return user if isinstance(user, Refused) else users.userset(user.address, revoke_token=True)


def token_revoked(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """Nothing but the token was taken away."""
    del facts, item, known
    return replace(outcome, detail="token_revoked") if isinstance(outcome, Done) else outcome


def delete(facts: JobFacts, item: Item) -> Call | Refused:
    """Delete the user; a lost answer is read back."""
    user = read(facts, item)
    return user if isinstance(user, Refused) else users.userdel(user.address)


def look_for(facts: JobFacts, item: Item) -> Call | Refused:
    """Ask whether the user is there."""
    user = read(facts, item)
    return user if isinstance(user, Refused) else users.usersget(user.address)


def tell_deleted(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What a list says about a deletion whose answer was lost.

    A page has twenty rows at most (vendor's backend API pages): a full one without the
    address tells nothing.
    """
    del known
    if isinstance(outcome, Refused):
        return _cannot_tell(outcome, f"the backend refused to list users: {outcome.message}")
    if not isinstance(outcome, Done):
        return outcome
    if outcome.listed is None:
        return _cannot_tell(outcome, "the list of users could not be read")
    if address_of(facts, item) in outcome.listed:
        message = "sent, but not confirmed, and the user is still there"
        return Retry("NO_ANSWER", message, outcome.upstream, step=REPEATED)
    if len(outcome.listed) >= users.MOST_LISTED:
        return _cannot_tell(outcome, f"the list ends after {users.MOST_LISTED} rows")
    return replace(outcome, detail="confirmed_by_read_back")


def deleted_again(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What became of a second deletion: one that is refused may mean that the first came late."""
    del facts, item, known
    if isinstance(outcome, Refused | Retry) and outcome.code in ("UNLISTED", "REFUSED"):
        return Next(READ_BACK, outcome.upstream)
    return outcome


def look_up(facts: JobFacts, items: Iterable[Item]) -> list[Person]:
    """The items whose address is worth a look on the record, with what would be sent."""
    if facts.params.get("force") and facts.params.get("tokens") != "missing":
        return []
    read = ((item.index, _user(facts, item)) for item in items)
    return [(index, user.address, _digest(user)) for index, user in read if isinstance(user, User)]


def recognise(facts: JobFacts, known: Known) -> Skipped | Next | None:
    """What becomes of an item without a call, or None if it must be sent."""
    if not known.same or facts.params.get("force"):
        return None
    if _wants_token(facts, known):
        return Next(ISSUE_ONLY)
    by = known.job or "a job that is forgotten by now"
    return Skipped("already_done", message=f"done before, by {by}")


def address_of(facts: JobFacts, item: Item) -> str:
    """The address of an item that has been called for."""
    user = _user(facts, item)
    return user.address if isinstance(user, User) else ""


def digest_of(facts: JobFacts, item: Item, *, joined: bool = True) -> str:
    """What stands for the item on the record; without its groups until they are joined."""
    user = user_of(facts, item)
    if user is None:
        return ""
    return _digest(user if joined else replace(user, groups=()))


def user_of(facts: JobFacts, item: Item) -> User | None:
    """The user of the item's row, if it can be read."""
    user = _user(facts, item)
    return user if isinstance(user, User) else None


def read(facts: JobFacts, item: Item) -> User | Refused:
    """The user of the item's row, or why there is none."""
    user = _user(facts, item)
    return Refused(user.code, user.message) if isinstance(user, Problem) else user


def _user(facts: JobFacts, item: Item) -> User | Problem:
    return _reader(tuple(facts.mapping.items()))(tuple(item.cells))


# An item is read before its slice begins, for its call and for the record: as many are kept as
# a process has in hand, so that it is read once.
@lru_cache(16)
def _reader(places: tuple[tuple[str, int], ...]) -> Callable[[Sequence[str]], User | Problem]:
    return lru_cache(READ_KEPT)(partial(read_user, UserMapping(**dict(places))))


_digest = lru_cache(READ_KEPT)(digest)


def _wanted(user: User) -> users.User:
    return users.User(user.address, name=user.name, active=user.active, flags=user.flags)


def _token(user: User) -> users.TokenRequest:
    # Only a token of the second form may be bound to no application (vendor's samples).
    return users.TokenRequest(user.appid, user.expiry, v2=None if user.appid else True)


def _wants_token(facts: JobFacts, known: Known | None) -> bool:
    policy = facts.params.get("tokens", "none")
    return policy == "rotate" or (policy == "missing" and not (known and known.token))


def _cannot_tell(outcome: Done | Refused, why: str) -> Unknown:
    message = f"sent, not confirmed, and reading back cannot settle it: {why}"
    return Unknown(message, outcome.upstream or users.NOTHING_SAID)
