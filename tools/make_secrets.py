"""Make the secret files that docker-compose.yml mounts, once; a second run changes nothing.

    python3 tools/make_secrets.py [FOLDER]        default: .secrets beside docker-compose.yml

`store.conf` holds the store's password, `bulkhead.toml` the URL with that password and the key
that encrypts app tokens, `sandbox_token` the app token of demo/shop. Standard library only.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".secrets"
    made = make(folder)
    print(f"{folder}: made {', '.join(made)}" if made else f"{folder}: nothing to do")


def make(folder: Path) -> list[str]:
    """Write the files that are missing, and name them; files that exist are never touched."""
    folder.mkdir(mode=0o700, exist_ok=True)
    # mkdir obeys the umask and leaves an older folder as it was.
    folder.chmod(0o700)
    if (folder / "store.conf").exists() != (folder / "bulkhead.toml").exists():
        sys.exit(
            f"{folder}: store.conf and bulkhead.toml share a password; one of them is missing.\n"
            "Bring it back. A new key could not read the app tokens already in the store."
        )
    return [name for name, text in contents().items() if write_once(folder / name, text)]


def contents() -> dict[str, str]:
    password = secrets.token_urlsafe(32)
    return {
        "store.conf": f"requirepass {password}\n",
        "bulkhead.toml": (
            f'redis_url = "redis://:{password}@redis:6379/0"\n'
            f'secret_key = "{secrets.token_urlsafe(48)}"\n'
        ),
        "sandbox_token": f"{secrets.token_hex(32)}\n",
    }


def write_once(path: Path, text: str) -> bool:
    """True if the file was written; its text is complete or the file is not there."""
    if path.exists():
        return False
    half = path.with_name(f".{path.name}.new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    half.write_text(text)
    # Compose mounts a file with the owner it has here, and the services run as users this host
    # does not know. So the file is readable and the folder, mode 0700, is the lock.
    half.chmod(0o444)
    half.rename(path)
    return True


if __name__ == "__main__":
    main()
