"""Names among the settings, each checked."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def _plain_name(name: str) -> str:
    if name != name.strip() or "/" in name or not name.isprintable() or not 1 <= len(name) <= 63:
        raise ValueError("it must be 1 to 63 visible characters without a slash")
    return name


def _module_name(name: str) -> str:
    if _MODULE.fullmatch(name) is None:
        raise ValueError("it must be the name of a Python module, such as mesibo")
    return name


Name = Annotated[str, AfterValidator(_plain_name)]
ModuleName = Annotated[str, AfterValidator(_module_name)]
