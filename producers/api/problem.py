"""What the API says when something is wrong: RFC 9457 problems with our code."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from bulkhead.errors import (
    BulkheadError,
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    StoreFull,
    Unreachable,
)

_CODES: Mapping[type[BulkheadError], tuple[int, str]] = {
    InvalidInput: (422, "INVALID_INPUT"),
    NotPermitted: (403, "NOT_PERMITTED"),
    NotFound: (404, "NOT_FOUND"),
    Conflict: (409, "CONFLICT"),
    Unreachable: (503, "STORE_UNREACHABLE"),
    StoreFull: (507, "STORE_FULL"),
}


def problem(status: int, code: str, title: str, detail: str = "", to_do: str = "") -> JSONResponse:
    """A problem document; `to_do` is our extension, for people."""
    document = {"type": "about:blank", "title": title, "status": status, "code": code}
    document |= {name: text for name, text in (("detail", detail), ("to_do", to_do)) if text}
    return JSONResponse(document, status, media_type="application/problem+json")


def problem_of(error: BulkheadError, status: int | None = None) -> JSONResponse:
    """The problem an error of ours is; `status` where the place knows better."""
    usual, code = _CODES.get(type(error), (500, "UNEXPECTED"))
    return problem(status or usual, code, error.what, error.why, error.to_do)


def problem_of_status(error: HTTPException, path: str) -> JSONResponse:
    """The problem for what the framework refused, such as an unknown path or method."""
    phrase = HTTPStatus(error.status_code).phrase
    detail = f"nothing answers at {path}" if error.status_code == 404 else ""
    answer = problem(error.status_code, phrase.upper().replace(" ", "_"), phrase, detail)
    answer.headers.update(error.headers or {})
    return answer
