"""Resolve the dependencies again, into lock files with versions and hashes but no addresses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMON = (
    *("pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    *("--no-header", "--no-annotate", "pyproject.toml"),
)
BOTH = (
    ((), "requirements.lock"),
    (("--group", "dev", "-c", "requirements.lock"), "requirements-dev.lock"),
)


def main() -> None:
    """Needs `uv` in this environment; only a maintainer runs it, so it is no dependency."""
    for extra, target in BOTH:
        subprocess.run(
            [sys.executable, "-m", "uv", *COMMON, *extra, "-o", target], cwd=ROOT, check=True
        )


if __name__ == "__main__":
    main()
