"""Write tests/credentials/: credentials of every kind, good and bad, made by OpenSSL 3.

`python tools/make_credentials.py [FOLDER]`. The names are always the same; keys, and with them the
fingerprints, are new each time. No key here opens anything: nobody but these files knows them.
"""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET = Path(__file__).parents[1] / "tests" / "credentials"
BEGIN, END = "20200101000000Z", "20991231235959Z"
BUNDLE = "com.example.shop"
PASSWORD = "secret-of-nobody"
APPLE = (
    "/C=US/O=Apple Inc./OU=Apple Worldwide Developer Relations"
    "/CN=Apple Worldwide Developer Relations Certification Authority"
)
CONFIG = """
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
UID = optional
commonName = optional
organizationalUnitName = optional
organizationName = optional
countryName = optional
[production]
1.2.840.113635.100.6.3.2 = DER:0500
[sandbox]
1.2.840.113635.100.6.3.1 = DER:0500
[both]
1.2.840.113635.100.6.3.1 = DER:0500
1.2.840.113635.100.6.3.2 = DER:0500
[none]
basicConstraints = CA:FALSE
"""
NEW = ("-passout", "pass:")
SUBJECTS = {
    "production": ("production", f"/UID={BUNDLE}/CN=Apple Production IOS Push Services: {BUNDLE}"),
    "sandbox": ("sandbox", f"/UID={BUNDLE}/CN=Apple Sandbox Push Services: {BUNDLE}"),
    "both": ("both", f"/UID={BUNDLE}/CN=Apple Push Services: {BUNDLE}"),
    "voip": ("production", f"/UID={BUNDLE}.voip/CN=VoIP Services: {BUNDLE}"),
    "developer": ("none", "/UID=Q5XYZ/CN=iPhone Developer: Ann Example (Q5XYZ)"),
    "merchant": (
        "none",
        f"/UID=merchant.{BUNDLE}/CN=Apple Pay Merchant Identity:merchant.{BUNDLE}",
    ),
    "pass": ("production", f"/UID=pass.{BUNDLE}/CN=Pass Type ID: pass.{BUNDLE}"),
    "server": ("none", "/CN=www.example.com"),
}


def openssl(*words: str) -> None:
    """Run OpenSSL in the present folder; it must succeed."""
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Maker:
    """Makes the files in a folder of its own, which must be the present one."""

    def __init__(self, target: Path) -> None:
        self.target = target
        Path("ca.cnf").write_text(CONFIG)
        Path("index.txt").write_text("")
        Path("serial").write_text("01")
        for name in ("ca", "own", "other"):
            openssl("genrsa", "-out", f"{name}.key", "2048")
        openssl("req", "-x509", "-key", "ca.key", "-out", "ca.pem", "-subj", APPLE)

    def certificate(
        self,
        name: str,
        subject: str,
        *,
        begin: str = BEGIN,
        end: str = END,
        by_itself: bool = False,
    ) -> str:
        """A certificate for our key, issued in Apple's name by somebody else, or by itself."""
        section, names = SUBJECTS[subject]
        full = f"{names}/OU=TEAM123456/O=Example Ltd/C=US"
        openssl("req", "-new", "-key", "own.key", "-out", f"{name}.csr", "-subj", full)
        by_apple = ("-cert", "ca.pem", "-keyfile", "ca.key")
        signing = ("-selfsign", "-keyfile", "own.key") if by_itself else by_apple
        openssl(
            *("ca", "-batch", "-notext", "-config", "ca.cnf", "-preserveDN", *signing),
            *("-extensions", section),
            *("-startdate", begin, "-enddate", end, "-in", f"{name}.csr", "-out", f"{name}.pem"),
        )
        return f"{name}.pem"

    def pack(self, name: str, certificate: str, *words: str, key: str = "own.key") -> Path:
        """A `.p12` in the target folder, without a password unless the words set one."""
        out = self.target / f"{name}.p12"
        words = words if "-passout" in words else (*words, *NEW)
        source = ("-in", certificate, "-inkey", key)
        openssl("pkcs12", "-export", *source, *words, "-out", str(out))
        out.chmod(0o644)
        return out

    def write(self, name: str, content: bytes) -> None:
        """A file that OpenSSL had no part in."""
        (self.target / name).write_bytes(content)


def apns(maker: Maker) -> None:
    """Push certificates as they should be, and wrapped in every wrong way."""
    both = maker.certificate("both", "both")
    for name in ("production", "sandbox", "voip", "developer", "merchant", "pass", "server"):
        maker.pack(f"apn-{name}", maker.certificate(name, name))
    good = maker.pack("apn-both", both).read_bytes()
    locked = ("-passout", f"pass:{PASSWORD}")
    maker.pack("apn-password", both, *locked)
    maker.pack("apn-password-rc2", both, "-legacy", *locked)
    maker.pack("apn-rc2", both, "-legacy")
    maker.pack("apn-3des", both, "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES")
    maker.pack("apn-chain", both, "-certfile", "ca.pem")
    maker.pack("apn-clear", both, "-keypbe", "NONE", "-certpbe", "NONE", "-nomac")
    maker.pack("apn-no-key", both, "-nokeys")
    maker.pack("apn-no-certificate", both, "-nocerts")
    maker.pack("apn-other-key", both, "-nocerts", "-certfile", both, key="other.key")
    maker.pack("apn-expired", maker.certificate("old", "both", end="20210101000000Z"))
    maker.pack("apn-not-yet-valid", maker.certificate("early", "both", begin="20980101000000Z"))
    maker.pack("apn-self-issued", maker.certificate("self", "both", by_itself=True))
    maker.write("apn-truncated.p12", good[: len(good) // 2])
    middle = len(good) // 2
    maker.write(
        "apn-damaged.p12", good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :]
    )
    # The outermost length left open: BER, as some programs write it.
    maker.write("apn-ber.p12", b"\x30\x80" + good[4:] + b"\0\0")


def unpacked(maker: Maker) -> None:
    """The same certificate and key, and Apple's other sort of key, outside a `.p12`."""
    certificate, key = Path("both.pem").read_bytes(), Path("own.key").read_bytes()
    maker.write("apn.pem", certificate + key)
    maker.write("apn-certificate.pem", certificate)
    maker.write("apn-key.pem", key)
    maker.write("apn.certSigningRequest", Path("both.csr").read_bytes())
    openssl("x509", "-in", "both.pem", "-outform", "DER", "-out", str(maker.target / "apn.cer"))
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    openssl("genpkey", *curve, "-out", str(maker.target / "AuthKey_ABC123DEFG.p8"))


def fcm(maker: Maker) -> None:
    """A service account, the ways it breaks, and the files mistaken for it."""
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "own.key", "-out", "account.key")
    account = {
        "type": "service_account",
        "project_id": "example-shop",
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": Path("account.key").read_text(),
        "client_email": "push@example-shop.iam.gserviceaccount.com",
        "client_id": "123456789012345678901",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    escaped = account["private_key"].replace("\n", "\\n")
    missing = {name: account[name] for name in account if name != "private_key"}
    info = {"project_number": "123456789012", "project_id": "example-shop"}
    for name, document in {
        "fcm": account,
        "fcm-other-project": account | {"project_id": "example-other"},
        "fcm-no-key": missing,
        "fcm-escaped-key": account | {"private_key": escaped},
        "google-services": {"project_info": info, "client": []},
        "oauth-client": {"installed": {"client_id": "1.apps.googleusercontent.com"}},
    }.items():
        maker.write(f"{name}.json", json.dumps(document, indent=2).encode() + b"\n")
    maker.write("fcm-truncated.json", json.dumps(account, indent=2).encode()[:1000])
    plist = {"GOOGLE_APP_ID": "1:123456789012:ios:0123456789abcdef", "BUNDLE_ID": BUNDLE}
    maker.write("GoogleService-Info.plist", plistlib.dumps(plist))
    maker.write("empty.p12", b"")
    maker.write("page.json", b"<!DOCTYPE html><html><body>Sign in</body></html>\n")


def main() -> None:
    """Make every file anew; the README in the folder stays."""
    target = Path(sys.argv[1]).resolve() if sys.argv[1:] else TARGET
    target.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp()
    try:
        os.chdir(folder)
        maker = Maker(target)
        apns(maker)
        unpacked(maker)
        fcm(maker)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
