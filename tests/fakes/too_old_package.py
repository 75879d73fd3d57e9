"""A real-time package that was usable once: the sandbox's stand-in, past its time."""

import os

os.environ["MESIBO_STANDIN"] = "too_old"

from sandbox.standin import *  # noqa: F403
