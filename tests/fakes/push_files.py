"""Push credentials as mesibo takes them, made up for one test."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import NameOID


def service_account(project="shop", key_id="k1"):
    """An FCM credential without a usable key."""
    account = {"type": "service_account", "project_id": project, "private_key_id": key_id}
    return json.dumps(account | {"private_key": "canary-private-key"}).encode()


def certificate(bundle="com.example.shop", *, uid=True, key=True, days=300):
    """An APN certificate and its key as `.p12` without a password; each call makes another.

    It ends after so many days; one of less than none has expired.
    """
    made = ec.generate_private_key(ec.SECP256R1())
    common = x509.NameAttribute(NameOID.COMMON_NAME, f"Apple Push Services: {bundle}")
    named = [x509.NameAttribute(NameOID.USER_ID, bundle)] if uid else []
    subject = x509.Name([*named, common])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(made.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .sign(made, SHA256())
    )
    return pkcs12.serialize_key_and_certificates(
        b"push", made if key else None, signed, None, NoEncryption()
    )


def sha256(content):
    return hashlib.sha256(content).hexdigest()
