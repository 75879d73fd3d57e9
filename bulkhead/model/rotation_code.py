"""The codes of jobs over many apps: why an app was left as it was, or went back to it."""

from __future__ import annotations

from bulkhead.model.code_entry import Code


def _row(name: str, meaning: str, fix: str, *, retryable: bool = False) -> Code:
    return Code(name, "row", retryable, meaning, fix)


ROTATIONS = (
    _row(
        "APP_GONE",
        "The app was removed before its turn.",
        "Nothing to do, or add it again and rotate it by itself.",
    ),
    _row(
        "SLOT_TAKEN",
        "Another job is about to change the same slot of the app, so nothing was sent.",
        "Wait for the job that the row's message names, or cancel it; then order this again.",
        retryable=True,
    ),
    _row(
        "RECORD_CHANGED",
        "The slot holds another file by our record than the job was to replace, so it was left.",
        "See `bulkhead creds history APP`; if the file is still wanted there, rotate again.",
    ),
    _row(
        "WAVE_FAILED",
        "Another app of the same wave failed, so this one went back to the file before.",
        "Mend what the other app's row says, then rotate again.",
        retryable=True,
    ),
    _row(
        "UPLOAD_NOT_CONFIRMED",
        "The file was sent twice and not confirmed, so the app went back to the file before.",
        "Look at the app's backend with `bulkhead apps check APP`, then rotate again.",
        retryable=True,
    ),
    _row(
        "OPTIONS_REFUSED",
        "mesibo did not accept the push options after the upload.",
        "See the row's message; `bulkhead creds options show APP` has what was set before.",
    ),
    _row(
        "TEST_REFUSED",
        "mesibo did not accept the test notification.",
        "See that the test user exists in the app and that its limit on tests is not used up.",
        retryable=True,
    ),
    _row(
        "PUSH_FAILED",
        "The push service did not take the test notification with the new file.",
        "See the answer in the row's message: most often the file is of another project or bundle.",
    ),
    _row(
        "NO_PUSH_RESULT",
        "The webhook said nothing about the test notification in time.",
        "Paste the URL of `bulkhead webhooks inbound show APP` into the app's webhook settings.",
        retryable=True,
    ),
    _row(
        "NOT_ROLLED_BACK",
        "The new file did not prove itself, and the one before could not be uploaded again.",
        "Upload the right one by hand: `bulkhead creds upload FILE --app APP`.",
    ),
)
