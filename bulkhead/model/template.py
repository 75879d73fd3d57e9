"""Text with variables, `{{name}}`: read once and strictly, then filled for each recipient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bulkhead.errors import InvalidInput
from bulkhead.model.mapping import plain

LONGEST_NAME = 64
"""Characters of a variable's name."""

OPENS, CLOSES = "{{", "}}"
_TOKEN = re.compile(r"\{\{\{\{|\}\}\}\}|\{\{|\}\}")
_VARIABLE = re.compile(r"[^{}\x00-\x1f]+")
_TO_DO = "write {{name}} for a variable, and {{{{ or }}}} for two braces that are to be sent"


class Missing(LookupError):
    """A variable has no value for this recipient; `name` is the variable, as it is compared."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Template:
    """Pieces of text and, after each but the last, the name of the variable that follows it."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    """As columns are compared: small letters, no blanks around them."""

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its variables' values. Raises Missing for one that has none."""
        if not self.names:
            return self.texts[0]
        parts = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            value = values.get(name, "")
            if not value:
                raise Missing(name)
            parts += (value, text)
        return "".join(parts)


def template(text: str) -> Template:
    """The template that this text is. Raises InvalidInput, saying where it is not one.

    Single braces are text. A value is put in as it is, and never read as a template itself.
    """
    texts, names, at = [""], list[str](), 0
    while found := _TOKEN.search(text, at):
        texts[-1] += text[at : found.start()]
        token, at = found[0], found.end()
        if len(token) == 4:
            texts[-1] += token[:2]
        elif token == CLOSES:
            raise _mistake(text, found.start(), "}} closes no variable")
        else:
            name, at = _variable(text, at)
            names.append(name)
            texts.append("")
    texts[-1] += text[at:]
    return Template(tuple(texts), tuple(names))


def _variable(text: str, at: int) -> tuple[str, int]:
    """The name that begins there, and where the text goes on behind it."""
    found = _VARIABLE.match(text, at)
    name = plain(found[0]) if found else ""
    end = found.end() if found else at
    if not name or len(name) > LONGEST_NAME or not text.startswith(CLOSES, end):
        raise _mistake(text, at - len(OPENS), "{{ opens a variable that is not closed, or no name")
    return name, end + len(CLOSES)


def _mistake(text: str, at: int, why: str) -> InvalidInput:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    where = f"line {line}, character {column}"
    return InvalidInput("the text is not a template", why=f"{where}: {why}", to_do=_TO_DO)
