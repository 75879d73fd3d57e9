import ast
import re
from pathlib import Path

import bulkhead
from bulkhead.model.code import CODES, code
from bulkhead.model.outcome import Outcome

ROOT = Path(bulkhead.__file__).parents[1]
PACKAGES = ("producers", "tasks", "worker", "bulkhead")
OUTCOMES = {"Retry", "Refused", "Throttled", "Stopped", "_unconfirmed"}


def used_codes(tree):
    """The texts given as `code`, and those given to the outcomes that begin with one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None)
            given = node.args[:2] if name in OUTCOMES else []
            given += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            given = list(ast.walk(node.value))
        else:
            continue
        texts = [one.value for one in given if isinstance(one, ast.Constant)]
        yield from (text for text in texts if isinstance(text, str) and text.isupper())


def test_every_code_used_in_the_source_is_on_the_list():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]

    used = {name for path in files for name in used_codes(ast.parse(path.read_text()))}

    assert {"THROTTLED", "UNSENDABLE", "NO_ANSWER", "BADOP", "UNLISTED"} <= used
    assert used <= CODES.keys()


def test_every_code_says_what_it_means_and_what_to_do():
    for name, entry in CODES.items():
        assert entry == code(name)
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", name)
        assert entry.meaning.endswith(".")
        assert entry.fix.endswith(".")


def test_the_default_code_of_an_outcome_is_on_the_list():
    fields = [kind.__dataclass_fields__.get("code") for kind in Outcome.__args__]
    defaults = {field.default for field in fields if field and isinstance(field.default, str)}

    assert defaults == {"NOT_CONFIRMED"}
    assert defaults <= CODES.keys()
