"""The codes of calls to mesibo, and of rows that they ended."""

from __future__ import annotations

from bulkhead.model.code_entry import Code

CALLS = (
    Code(
        "BACKEND_UNREACHABLE",
        "row",
        True,
        "The backend could not be reached; the call was never sent.",
        "Check the app's base URL, the network, and the proxy if one is set.",
    ),
    Code(
        "TLS_FAILED",
        "row",
        True,
        "The backend's certificate was not accepted; the call was never sent.",
        "Check the certificate; for a private authority set --ca-file on the app.",
    ),
    Code(
        "PROXY_FAILED",
        "row",
        True,
        "The proxy could not be reached or refused the way; the call was never sent.",
        "Check the app's --proxy, and that the proxy allows the backend's host.",
    ),
    Code(
        "NO_ANSWER",
        "row",
        True,
        "The call was sent and no answer came back.",
        "Nothing to do while it is being retried; if it persists, check the backend's health.",
    ),
    Code(
        "UNUSABLE_ANSWER",
        "row",
        True,
        "The answer was not the backend API's: a web page, cut JSON, a redirect, or nothing.",
        "Check that the base URL is the backend API's own, path included.",
    ),
    Code(
        "NOT_CONFIRMED",
        "row",
        True,
        "The call was sent and not confirmed: it may or may not have been carried out.",
        "Look whether it was carried out; then import the row again, or leave it.",
    ),
    Code(
        "THROTTLED",
        "row",
        True,
        "The backend asked for fewer calls; the app cools down and the row waits.",
        "Nothing; lower the app's --rate if it happens often.",
    ),
    Code(
        "UPSTREAM_ERROR",
        "row",
        True,
        "The backend reported a fault of its own.",
        "Nothing while it is being retried; if it persists, ask whoever runs the backend.",
    ),
    Code(
        "AUTH_FAILED",
        "fatal",
        True,
        "The app token is not accepted; no further call is made for this app.",
        "Set the right token with `bulkhead apps set APP --token-file -`; the rows are kept.",
    ),
    Code(
        "TOKEN_BREACH",
        "fatal",
        True,
        "mesibo has disabled the app: its token was used from too many addresses.",
        "Have it enabled and its token renewed in the mesibo console, then `bulkhead apps "
        "set` it here.",
    ),
    Code(
        "EGRESS_LIMIT",
        "fatal",
        True,
        "A further public address would call for this app, and mesibo disables an app for that.",
        "Run the app's workers behind the addresses it already has, or move it to another cell.",
    ),
    Code(
        "BADOP",
        "row",
        False,
        "The backend does not know this operation.",
        "Check the operation's name, and that this edition of the backend offers it.",
    ),
    Code(
        "REFUSED",
        "row",
        False,
        "The backend refused the request for good.",
        "Read the backend's own word in the result row and correct the row.",
    ),
    Code(
        "UNLISTED",
        "row",
        False,
        "The backend refused with a word we do not know.",
        "The backend's own word says why, often a user or a group that it does not have: "
        "`bulkhead jobs results JOB -o json` has it. `bulkhead errors map` "
        "says once what it means.",
    ),
    Code(
        "BODY_TOO_LARGE",
        "row",
        False,
        "The request is larger than the backend accepts.",
        "Shorten the row, or export a .p12 without its authorities; "
        "on-premise backends accept 8,192 bytes in all.",
    ),
    Code(
        "UNSENDABLE",
        "row",
        False,
        "The row holds something that JSON or UTF-8 cannot carry.",
        "Retype the cells; half a character was probably cut off.",
    ),
    Code(
        "POISON",
        "row",
        False,
        "The workers that ran this row died, at last twice with it alone, so it is not run again.",
        "Report it with the row; import it alone if you know the cause is gone.",
    ),
    Code(
        "GAVE_UP",
        "row",
        True,
        "Six hours have passed since the first attempt at this row.",
        "See the last answer in the result row; import the row again when its cause is gone.",
    ),
)
