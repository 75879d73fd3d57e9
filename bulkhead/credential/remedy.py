"""Commands that mend a file, each to be pasted into a shell as it stands."""

from __future__ import annotations

import os
import shlex

_MODERN = "-keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256 -passout pass:"
_NAMELESS = "credential.p12"


def mended(path: str | None) -> str:
    """Where the mended file will lie: beside the file itself."""
    return f"{_stem(path)}-modern.p12"


def run(
    path: str | None, *, then: str = "upload", password: bool = False, old: bool = False
) -> str:
    """The sentence that goes with a command."""
    first = "Run the command" if path else f"Save it as {_NAMELESS}, run the command"
    asks = ", which asks for the password twice," if password else ""
    legacy = " With OpenSSL before 3, or the one of macOS, leave out -legacy." if old else ""
    return f"{first}{asks} and {then} {quoted(mended(path))}.{legacy}"


def export_again(path: str | None, *, password: bool, old: bool) -> str:
    """Export a `.p12` with AES and without a password; the key never touches the disk in clear.

    `password` says that it has one now, which OpenSSL then asks for.
    """
    # Two readings, because `pkcs12 -export` cannot take key and certificates from one pipe.
    take = f"openssl pkcs12{' -legacy' if old else ''} -in {_source(path)}"
    take += "" if password else " -passin pass:"
    certificates = quoted(f"{_stem(path)}-modern.pem")
    return (
        f"{take} -nokeys -out {certificates} && {take} -nocerts -nodes | "
        f"openssl pkcs12 -export -inkey /dev/stdin -in {certificates} {_MODERN} "
        f"-out {quoted(mended(path))} && rm {certificates}"
    )


def pack(path: str | None) -> str:
    """Make a `.p12` of a PEM file that holds a certificate and its key."""
    return f"openssl pkcs12 -export -in {_source(path)} {_MODERN} -out {quoted(mended(path))}"


def decode(path: str | None) -> str:
    """Make a `.p12` of its base64 text."""
    result = quoted(mended(path))
    return f"tr -d '[:space:]' < {_source(path)} | openssl base64 -d -A -out {result}"


def quoted(path: str) -> str:
    """The path as one word of a shell, whatever it is made of."""
    path = f"./{path}" if path.startswith("-") else path
    if path.isprintable():
        return shlex.quote(path)
    # Only bash and its kin know this form, but a line break in plain quotes is lost in a table.
    letters = (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in os.fsencode(path))
    return "$'" + "".join(f"\\{one}" if one in "'\\" else one for one in letters) + "'"


def _source(path: str | None) -> str:
    return quoted(path or _NAMELESS)


def _stem(path: str | None) -> str:
    return os.path.splitext(path or _NAMELESS)[0]
