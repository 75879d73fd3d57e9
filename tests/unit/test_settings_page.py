"""The page of settings lists exactly the settings there are, with their defaults."""

import re
from pathlib import Path

from bulkhead.settings import PREFIX, Settings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def rows():
    found = re.findall(r"^\| `BULKHEAD_(\w+)` \| (.*?) \| (.+) \|$", PAGE.read_text("utf-8"), re.M)
    return {name.lower(): default.strip("` ") for name, default, _ in found}


def test_every_setting_is_on_the_page_and_nothing_else():
    assert list(rows()) == list(Settings.model_fields)
    assert PREFIX == "BULKHEAD_"


def test_the_defaults_on_the_page_are_the_true_ones():
    settings = Settings.load({})
    fixed = {name: default for name, default in rows().items() if " " not in default and default}

    assert fixed == {name: str(getattr(settings, name)) for name in fixed}
    logs = {"log_level", "log_format", "log_addresses"}
    realtime = {"realtime_package", "realtime_sessions", "realtime_idle"}
    assert {"cell", "egress", "http", *logs, *realtime} == set(fixed)
