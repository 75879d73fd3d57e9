"""Make demo/shop known to the sandbox and to Bulkhead; a second run changes nothing.

python tools/seed_sandbox.py --sandbox http://sandbox:8800 --token-file FILE
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

SUCCESS, CONFLICT = 0, 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandbox", required=True)
    parser.add_argument("--token-file", required=True, type=Path)
    options = parser.parse_args()
    tell_the_sandbox(options.sandbox, options.token_file.read_text().strip())
    for words in commands(options.sandbox, options.token_file):
        # A conflict means an earlier run did it.
        if (code := subprocess.run(words, check=False).returncode) not in (SUCCESS, CONFLICT):
            sys.exit(code)


def tell_the_sandbox(base: str, token: str) -> None:
    """Register the app token; the sandbox refuses calls with one it was not told of."""
    body = json.dumps({"token": token, "edition": "cloud"}).encode()
    request = urllib.request.Request(
        f"{base}/_sandbox/apps", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10):
        pass


def commands(base: str, token_file: Path) -> tuple[list[str], ...]:
    app = ["--base-url", f"{base}/backend/", "--token-file", str(token_file), "--allow-http"]
    return (
        ["bulkhead", "tenants", "add", "demo"],
        ["bulkhead", "apps", "add", "demo/shop", *app],
    )


if __name__ == "__main__":
    main()
