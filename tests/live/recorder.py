"""Calls a service at most so many times, and writes its answers down without what is secret."""

from __future__ import annotations

import json
import os
import re
import time

import requests

from bulkhead.backend.endpoint import Endpoint

MOST_CALLS = 30
LONGEST_BODY = 4_000
"""Characters of an answer that is not JSON."""
HEADERS = re.compile(r"content-type|server|retry-after|x-ratelimit.*|ratelimit.*", re.IGNORECASE)
_LONG_RUN = re.compile(r"[A-Za-z0-9_\-+/=.]{24,}")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b", re.I)


class BudgetSpent(Exception):
    """One call more than was allowed was about to be made."""


class Budget:
    """So many calls and not one more, whatever a plan wants."""

    def __init__(self, most=MOST_CALLS):
        self.left = most

    def spend(self):
        if self.left == 0:
            raise BudgetSpent("all calls of the budget were made; this one was not")
        self.left -= 1


class Recorder:
    """Makes calls for one run, whose addresses all begin with `prefix`."""

    def __init__(self, url, token, budget, run):
        Endpoint(url)  # refuses one that would carry the token in the open
        self._url, self._token, self._budget, self._run = url, token, budget, run
        self._session = requests.Session()
        self._session.trust_env = False
        self.prefix = f"bulkhead-live-{run}-"
        self.steps = []

    def call(self, label, op, token=None, **members):
        """The answer as a dict, empty where it was none; one that never came is written down."""
        self._budget.spend()
        body = {"op": op, "token": token or self._token, **members}
        step = {"step": label, "request": {"op": op, **members}}
        self.steps.append(step)
        began = time.monotonic()
        try:
            answer = self._session.post(self._url, json=body, timeout=60, allow_redirects=False)
        except requests.RequestException as error:
            step["no_answer"] = type(error).__name__
            return {}
        step["milliseconds"] = round((time.monotonic() - began) * 1000)
        step["http_status"] = answer.status_code
        step["headers"] = {k: v for k, v in answer.headers.items() if HEADERS.fullmatch(k)}
        try:
            step["answer"] = answer.json()
        except ValueError:
            step["answer_is_not_json"] = answer.text[:LONGEST_BODY]
        read = step.get("answer")
        return read if isinstance(read, dict) else {}

    def leave_out(self, label, why):
        """Note a step that could not be tried."""
        self.steps.append({"step": label, "not_tried": why})

    def write(self, path):
        """Write what was recorded, readable by its owner only, in one step."""
        document = {
            "what": "answers of a mesibo backend, redacted",
            "recorded_at": time.strftime("%Y-%m-%d", time.gmtime()),
            "calls": sum("request" in step for step in self.steps),
            "steps": [self._redacted(step) for step in self.steps],
        }
        text = json.dumps(document, indent=2, ensure_ascii=False)
        parts = path.with_name(path.name + ".new")
        with os.fdopen(os.open(parts, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(text + "\n")
        parts.replace(path)

    def _redacted(self, value, name=""):
        match value:
            case dict():
                return {key: self._redacted(each, key) for key, each in value.items()}
            case list():
                return [self._redacted(each, name) for each in value]
            case str():
                return _shape(value) if name == "token" else self._text(value)
        return value

    def _text(self, text):
        for secret in (self._token, self._token[: len(self._token) // 2]):
            text = re.sub(re.escape(secret), "<app token>", text, flags=re.IGNORECASE)
        text = text.replace(self._run, "RUN")
        text = _MAIL.sub("<address>", _IP.sub("<ip>", text))
        return _LONG_RUN.sub(lambda run: run[0] if _ours(run[0]) else _shape(run[0]), text)


def _ours(text):
    return text.startswith("bulkhead-live-RUN-")


def _shape(secret):
    """What may be told of a token: its length and its alphabet."""
    kinds = {"a-z": r"[a-z]", "A-Z": r"[A-Z]", "0-9": r"\d", "other": r"[^A-Za-z0-9]"}
    alphabet = " ".join(kind for kind, pattern in kinds.items() if re.search(pattern, secret))
    return f"<{len(secret)} characters of {alphabet}>"
