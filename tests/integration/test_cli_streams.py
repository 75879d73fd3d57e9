"""Commands whose output or input was closed before they began."""

import shlex
import subprocess
import sys

import pytest

from tests.command import ROOT, environment


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_breaks_no_command(home, closed):
    command = shlex.join([sys.executable, "-m", "producers.cli", "config", "show"])

    ended = subprocess.run(
        ["sh", "-c", f"{command} {closed}"],
        env=environment(home=home),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert bool(ended.stdout) == (not closed.startswith(">"))
