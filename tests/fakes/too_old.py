"""The stand-in as a release of the package that has expired."""

import os

os.environ["MESIBO_STANDIN"] = "too_old"

from sandbox.standin import *  # noqa: F403
