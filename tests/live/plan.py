"""What is asked of the real service: one call for each thing that nobody outside it knows.

Everything is done to users and groups that the plan made itself, and taken back at its end.
"""

from __future__ import annotations


def ask(recorder, *, wrong_token=False):
    """Make the calls, 29 or 30 of them; what was made is deleted even if one of them fails."""
    first, second = recorder.prefix + "a", recorder.prefix + "b"
    try:
        users(recorder, first, second)
        reading(recorder, first)
        groups(recorder, first, second)
        mistakes(recorder, first)
    finally:
        recorder.call("userdel", "userdel", user={"address": first})
        recorder.call("userdel twice", "userdel", user={"address": first})
        recorder.call("userdel of the other", "userdel", user={"address": second})
    if wrong_token:
        # Last: nobody knows whether a wrong token counts against the address it comes from.
        recorder.call("wrong token", "usersget", token="0" * 48, count=1)


def users(recorder, first, second):
    app = {"appid": "bulkhead.live", "expiry": 60}
    recorder.call("useradd", "useradd", user={"address": first})
    changed = {"address": first, "name": "Live", "flags": 0}
    recorder.call("useradd twice, with an id", "useradd", id=77, user=changed)
    recorder.call("useradd with token", "useradd", user={"address": first, "token": app})
    v2 = {"v2": True, "expiry": 60}
    recorder.call("useradd with token v2", "useradd", user={"address": first, "token": v2})
    recorder.call("userset", "userset", user={"address": first, "active": False})
    removed = {"address": first, "token": {"remove": True}}
    recorder.call("userset token.remove", "userset", user=removed)
    recorder.call("usertoken", "usertoken", user={"address": first, "token": app})
    recorder.call("useradd of another", "useradd", user={"address": second, "active": True})


def reading(recorder, first):
    recorder.call("usersget by address", "usersget", user={"address": first}, count=20)
    pattern = recorder.prefix + "*"
    recorder.call("usersget by wildcard", "usersget", user={"address": pattern}, count=20)
    recorder.call("userget", "userget", user={"address": first})


def groups(recorder, first, second):
    gid = _gid(recorder.call("groupadd", "groupadd", group={"name": "live"}))
    other = _gid(recorder.call("groupadd of the same name", "groupadd", group={"name": "live"}))
    if gid is None:
        recorder.leave_out("groups", "groupadd gave no gid")
        return
    try:
        recorder.call("groupset", "groupset", group={"gid": gid, "name": "live 2"})
        both = {"gid": gid, "members": {"m": f"{first},{second}"}}
        recorder.call("members added", "groupeditmembers", group=both)
        stranger = {"gid": gid, "members": {"m": f"{second},{recorder.prefix}nobody"}}
        recorder.call("a member who is no user", "groupeditmembers", group=stranger)
        recorder.call("groupgetmembers", "groupgetmembers", group={"gid": gid}, count=20)
        gone = {"gid": gid, "members": {"m": first, "remove": 1}}
        recorder.call("a member removed", "groupeditmembers", group=gone)
    finally:
        recorder.call("groupdel", "groupdel", group={"gid": gid})
        recorder.call("groupdel twice", "groupdel", group={"gid": gid})
        if other not in (None, gid):
            recorder.call("groupdel of the other", "groupdel", group={"gid": other})


def mistakes(recorder, first):
    to_nobody = {"from": first, "to": recorder.prefix + "nobody", "expiry": 0, "message": "x"}
    recorder.call("message to nobody", "message", message=to_nobody)
    recorder.call("useradd without an address", "useradd", user={"name": "nobody"})
    long = (recorder.prefix + "x" * 64)[:64]
    recorder.call("useradd of 64 bytes", "useradd", user={"address": long})
    recorder.call("userdel of 64 bytes", "userdel", user={"address": long})
    recorder.call("an op there is not", "nosuchop", id=9)


def _gid(answer):
    group = answer.get("group")
    return group.get("gid") if isinstance(group, dict) else None
