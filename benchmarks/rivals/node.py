"""Where Node is found: BullMQ, installed by npm into a folder of the benchmark's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "benchmarks" / "bullmq"
SCRIPT = Path(__file__).with_name("bullmq.cjs")
PACKAGES = {"bullmq": "6.7.0", "ioredis": "6.0.0", "undici": "7.30.2"}
"""Named exactly, so that two runs compare; raise them together, after a look at the rate."""
LONGEST = 120
"""Seconds that the install may take."""


class NoNode(Exception):
    """BullMQ cannot be measured on this machine; the message says why."""


def install() -> Path:
    """The folder that NODE_PATH must name. Raises NoNode."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise NoNode("Node not found")
    modules = FOLDER / "node_modules"
    if all((modules / name).is_dir() for name in PACKAGES) and _asked_for() == PACKAGES:
        return modules
    FOLDER.mkdir(parents=True, exist_ok=True)
    document = {"private": True, "dependencies": PACKAGES}
    (FOLDER / "package.json").write_text(json.dumps(document))
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
    try:
        done = subprocess.run(words, cwd=FOLDER, capture_output=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired as error:
        raise NoNode(f"npm did not install BullMQ within {LONGEST} s") from error
    if done.returncode:
        (FOLDER / "package.json").unlink()
        raise NoNode("npm could not install BullMQ")
    return modules


def _asked_for() -> object:
    try:
        return json.loads((FOLDER / "package.json").read_text())["dependencies"]
    except (OSError, ValueError, KeyError):
        return None
