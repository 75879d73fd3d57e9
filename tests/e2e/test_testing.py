"""What we give to other people's tests, tried as they use it: a pytest run of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/test-your-onboarding.md"


def blocks():
    """Every Python block of the how-to, by the file name in its first line."""
    text = PAGE.read_text("utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        yield re.match(r"# (\S+\.py)", block)[1], block


def run(folder, *words):
    # Whoever runs their tests may well have a site of their own; it must not be touched.
    settings = {"BULKHEAD_REDIS_URL": "redis://127.0.0.1:1/0", "BULKHEAD_TENANT": "acme"}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *words],
        cwd=folder,
        env=settings | {name: text for name, text in os.environ.items() if "PYTEST" not in name},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("name", ["test_onboarding.py", "test_signup.py"])
def test_the_how_to_works_as_it_is_written(tmp_path, name):
    for file, block in blocks():
        if not file.startswith("test_") or file == name:
            (tmp_path / file).write_text(block)

    done = run(tmp_path, name)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d passed", done.stdout)


def test_nothing_of_it_outlives_the_session(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["sandbox.testing"]\n')
    (tmp_path / "test_pid.py").write_text(
        "def test_it(mesibo_sandbox):\n    print('URL', mesibo_sandbox.url)\n"
    )

    done = run(tmp_path, "-s")

    port = re.search(r"URL http://127\.0\.0\.1:(\d+)", done.stdout)[1]
    probe = (
        f"import socket, sys\nsys.exit(socket.socket().connect_ex(('127.0.0.1', {port})) == 0)\n"
    )
    assert subprocess.run([sys.executable, "-c", probe], check=False, timeout=20).returncode == 0
