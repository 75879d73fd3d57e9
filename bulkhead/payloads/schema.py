"""The JSON Schemas of payloads, as files beside this one: `python -m bulkhead.payloads.schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bulkhead.payloads.models import MODELS

FOLDER = Path(__file__).parent / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name → schema: one a kind, and `submit`, which takes any of them."""
    made = {kind: TypeAdapter(model).json_schema() for kind, model in MODELS.items()}
    every = {"oneOf": [{"$ref": f"{kind}.json"} for kind in made], "title": "tasks.submit"}
    return {
        f"{name}.json": {"$schema": DRAFT, **one}
        for name, one in (made | {"submit": every}).items()
    }


def text(schema: dict[str, Any]) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write() -> None:
    """Write every file anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(text(schema), "utf-8")


if __name__ == "__main__":
    write()
