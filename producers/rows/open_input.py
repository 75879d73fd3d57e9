"""Open a file of users, whatever it is written in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from producers.rows.csv_file import CsvRows
from producers.rows.json_file import JsonRows, looks_like_json
from producers.rows.row import Format, InputOptions, Rows
from producers.rows.source import STDIN, Source, open_file

JSON_NAMES = (".jsonl", ".ndjson")
AS_IT_IS = InputOptions()


@contextmanager
def open_input(
    path: str, options: InputOptions = AS_IT_IS, stdin: BinaryIO | None = None
) -> Iterator[Rows]:
    """The rows of the file at `path`, or of stdin for `-`: CSV or JSON Lines, plain or gzip.

    Raises InvalidInput at once for a file of the wrong kind, and while iterating for what shows
    only then, such as a quote that is never closed: send nothing before the last row was read.
    """
    if path == STDIN:
        yield _rows(Source(stdin or sys.stdin.buffer, "stdin", options.encoding), options)
        return
    with open_file(path) as raw:
        yield _rows(Source(raw, path, options.encoding), options)


def _rows(source: Source, options: InputOptions) -> Rows:
    if (options.format or _guessed(source)) == "jsonl":
        return JsonRows(source, options.fields, options.shape)
    return CsvRows(source, options.fields, options.shape)


def _guessed(source: Source) -> Format:
    name = source.name.lower().removesuffix(".gz")
    return "jsonl" if name.endswith(JSON_NAMES) or looks_like_json(source.peek) else "csv"
