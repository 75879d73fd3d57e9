"""What is said of a sender's session: to who waits for it, and to who waits for a job of its."""

from __future__ import annotations

from bulkhead.model.job import Job

NOTES = {
    "wanted": "waiting for a worker to take the session of {who}",
    "signing_in": "{who} is signing in",
    "connecting": "{who} is connecting",
    "online": "{who} is online",
    "offline": "{who} is offline, and connects again by itself",
    "failed": "the session of {who} failed",
    "unusable": "no worker can sign {who} in",
    "closed": "nobody keeps the session of {who}",
}
TROUBLE = ("offline", "failed", "unusable")
"""States that a job may be in for long; the others pass in seconds."""


def session_note(sender: str, state: str, why: str) -> str:
    """What a session is at, and why."""
    note = NOTES.get(state, state).format(who=sender)
    # It only says the same again.
    return note if not why or state == "wanted" else f"{note} ({why})"


def gate_note(job: Job) -> str:
    """What the session is at that keeps a job from sending; empty if none does."""
    session = job.session
    if session is None or job.pace.get("limited_by") != "session":
        return ""
    sender, state = session["sender"] or "", session["state"] or ""
    if state == "online":
        return f"mesibo wants fewer messages from {sender} for a while"
    return session_note(sender, state, session["why"] or "")


def trouble_note(job: Job) -> str:
    """The same, but empty as well for what passes in seconds."""
    state = (job.session or {}).get("state")
    return gate_note(job) if state in TROUBLE else ""
