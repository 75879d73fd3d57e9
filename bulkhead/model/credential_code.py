"""The codes of push credentials: why a file could not be uploaded as it is, or deserves a look."""

from __future__ import annotations

from bulkhead.model.code_entry import Code


def _stops(name: str, meaning: str, fix: str) -> Code:
    return Code(f"CREDENTIAL_{name}", "row", False, meaning, fix)


def _warns(name: str, meaning: str, fix: str) -> Code:
    return Code(f"CREDENTIAL_{name}", "warning", False, meaning, fix)


CREDENTIALS = (
    Code(
        "FILE_NOT_KEPT",
        "row",
        False,
        "The file that was to be uploaded is no longer in the store, or is damaged there.",
        "Upload the file itself: `bulkhead creds upload FILE --app APP`.",
    ),
    _stops(
        "UNREADABLE",
        "The file cannot be read.",
        "Check the path, and that you may read the file.",
    ),
    _stops(
        "EMPTY",
        "The file is empty.",
        "Export or download it again.",
    ),
    _stops(
        "TOO_LARGE",
        "The file is too large to be a credential.",
        "Name the credential itself; one has a few kilobytes.",
    ),
    _stops(
        "UNKNOWN",
        "The file is neither a service account's JSON nor a PKCS#12 file (`.p12`).",
        "Take the JSON of a service account for FCM, or a push certificate with its key as `.p12`.",
    ),
    _stops(
        "DAMAGED",
        "The file is damaged or cut short.",
        "Export or download it again, and copy it as binary.",
    ),
    _stops(
        "HAS_PASSWORD",
        "The `.p12` has a password, and mesibo takes none.",
        "Export it again without a password; `bulkhead creds inspect` prints the command.",
    ),
    _stops(
        "OLD_CIPHER",
        "The `.p12` is encrypted with RC2, RC4, DES or 3DES, which newer programs refuse.",
        "Export it again with AES; `bulkhead creds inspect` prints the command.",
    ),
    _stops(
        "NO_KEY",
        "The certificate comes without its private key.",
        "Export certificate and key together, where the signing request was made.",
    ),
    _stops(
        "NO_CERTIFICATE",
        "The file has no certificate.",
        "Export the push certificate together with its key.",
    ),
    _stops(
        "OTHER_KEY",
        "The private key is not the certificate's.",
        "Export the certificate with the key of its own signing request.",
    ),
    _stops(
        "WRONG_CERTIFICATE",
        "The certificate is not one for push notifications.",
        "Make an Apple Push Notification service certificate for the app's bundle id.",
    ),
    _stops(
        "EXPIRED",
        "The certificate has expired.",
        "Make a new push certificate for the same bundle id at Apple.",
    ),
    _stops(
        "NOT_YET_VALID",
        "The certificate is not valid yet.",
        "Upload it when it is, or check this machine's clock.",
    ),
    _stops(
        "CLIENT_FILE",
        "The file configures an app on the device; it is no credential of a server.",
        "Download a service account's key: Firebase console, Project settings, Service accounts.",
    ),
    _stops(
        "P8",
        "The file is an authentication key of Apple (`.p8`), and mesibo takes none.",
        "Make an Apple Push Notification service certificate and export it with its key as `.p12`.",
    ),
    _stops(
        "PEM",
        "The file is PEM text, and mesibo takes `.p12`.",
        "Pack certificate and key into a `.p12`; `bulkhead creds inspect` prints the command.",
    ),
    _stops(
        "MEMBERS_MISSING",
        "The service account's JSON lacks members, or they are not what they should be.",
        "Download a new key of the service account, and change nothing in the file.",
    ),
    _stops(
        "BAD_ACCOUNT_KEY",
        "The private key in the service account's JSON cannot be read.",
        "Download a new key of the service account, and change nothing in the file.",
    ),
    _warns(
        "NOT_BY_APPLE",
        "The certificate does not say that Apple issued it; only test services take such a one.",
        "Use a certificate from Apple for real devices.",
    ),
    _warns(
        "SPECIAL_PUSH",
        "The certificate is for VoIP or watch pushes only; whether mesibo uses one is not known.",
        "Upload the app's ordinary push certificate, unless you know that this one is wanted.",
    ),
    _warns(
        "OTHER_EXTENSION",
        "The file's extension is not the one that mesibo tells its kind by.",
        "Rename it to `.json` for FCM or `.p12` for APNs, or upload it with `--type`.",
    ),
)
