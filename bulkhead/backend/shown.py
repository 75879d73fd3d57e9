"""What of an answer a person may read who asked for it by a raw call."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from math import isfinite
from typing import Any

from bulkhead.backend.reply import Answer
from bulkhead.model.outcome import Done
from bulkhead.secrets import Secret

LARGEST = 16 * 1024
"""Characters of JSON; a longer answer is left out, not cut."""

DEEPEST = 20
HIDDEN = "…"
# By name, because an answer to a raw call may hold what no page describes.
_SECRET = re.compile(r"token|secret|passw|credential|otp|^pin$|^code$|key$", re.IGNORECASE)
_OF_THE_ENVELOPE = frozenset({"result", "op"})


def with_answer(done: Done, answer: Answer, token: Secret) -> Done:
    """The same outcome, its details with an `answer` in which every secret is hidden."""
    content = json.loads(answer.body, parse_constant=str, parse_float=_number)
    shown = {
        token.scrub(name): _without_secrets(name, value, token, 1)
        for name, value in content.items()
        if name not in _OF_THE_ENVELOPE
    }
    # Half a character could not be stored.
    text = json.dumps(shown, ensure_ascii=False).encode(errors="replace").decode()
    if len(text) > LARGEST:
        text = json.dumps({"omitted": f"the answer is longer than {LARGEST:,} characters"})
    details = {**done.upstream.details, "answer": json.loads(text)}
    return replace(done, upstream=replace(done.upstream, details=details))


def _number(text: str) -> float | str:
    """The number, or its text where it is too large for one: JSON has no word for infinity."""
    number = float(text)
    return number if isfinite(number) else text


def _without_secrets(name: str, value: Any, token: Secret, depth: int) -> Any:
    if _SECRET.search(name) or depth > DEEPEST:
        return HIDDEN
    if isinstance(value, dict):
        return {
            token.scrub(key): _without_secrets(key, part, token, depth + 1)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(name, part, token, depth + 1) for part in value]
    return token.scrub(value) if isinstance(value, str) else value
