"""Build the virtual environment that the Makefile uses, once, whoever asks first.

Runs on a bare Python 3.11: standard library only. A lock lets `make demo` and `make test`
run at the same time; a stamp with the lock file's digest says what is already installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
PYTHON = HOME / "bin" / "python"


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit("Bulkhead needs Python 3.11 or newer; name one with `make PYTHON=python3.11`.")
    HOME.mkdir(exist_ok=True)
    with (HOME / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (HOME / ".made").exists():
            venv.create(HOME, with_pip=True, symlinks=True)
            (HOME / ".made").touch()
        for name in sys.argv[1:]:
            install(ROOT / name)
        install_ourselves()


def install(lock_file: Path) -> None:
    stamp = HOME / f".{lock_file.name}.sha256"
    digest = hashlib.sha256(lock_file.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"installing {lock_file.name} (once)", file=sys.stderr, flush=True)
    pip("install", "--require-hashes", "--requirement", str(lock_file))
    stamp.write_text(digest)


def install_ourselves() -> None:
    """Put this folder on the path and `bulkhead` in .venv/bin, without a build."""
    site = next((HOME / "lib").glob("python3*/site-packages"))
    (site / "bulkhead-here.pth").write_text(f"{ROOT}\n")
    command = HOME / "bin" / "bulkhead"
    command.write_text(f"#!{PYTHON}\nfrom producers.cli import main\n\nmain()\n")
    command.chmod(0o755)


def pip(*words: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([PYTHON, "-m", "pip", words[0], *quiet, *words[1:]], check=True)


if __name__ == "__main__":
    main()
