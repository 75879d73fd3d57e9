"""The text of a CSV file as records, most of them read many at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from producers.rows.source import last_line_end

WINDOW = 8 * 1024
"""Characters that are read at once: some hundred lines, and far below the longest cell."""


class Records:
    """Reads one text from its beginning to its end, by `several` and `next` in any order."""

    def __init__(self, pieces: Iterable[str], delimiter: str) -> None:
        self.line = ""
        """The last line that `next` read."""
        self._delimiter = delimiter
        self._text = ""
        self._lines = io.StringIO()
        self._one_by_one_to = 0
        self._read_at_once = 0
        # Strict, because a quote left open closes at the next one: lenient reading would then
        # lose the rows in between without a word.
        self._reader = csv.reader(self._lines_of(pieces), delimiter=delimiter, strict=True)

    @property
    def lines_read(self) -> int:
        """The number of lines that are behind us."""
        return self._reader.line_num + self._read_at_once

    def next(self) -> list[str] | None:
        """The cells of the next record; None at the end. Raises csv.Error, and can go on then."""
        return next(self._reader, None)

    def several(self) -> list[list[str]]:
        """What `next` would give for the next lines, each of them a record.

        Nothing where one of them is not: then it is `next` that reads on.
        """
        begin = self._lines.tell()
        end = self._window_end(begin)
        if begin < self._one_by_one_to or end <= begin:
            return []
        records = self._records(_lines_in(self._text[begin:end]))
        if not records:
            self._one_by_one_to = end
            return []
        self._lines.seek(end)
        self._read_at_once += len(records)
        return records

    def _window_end(self, begin: int) -> int:
        stop = begin + WINDOW
        if stop >= len(self._text):
            return len(self._text)
        return last_line_end(self._text, begin, stop)

    def _records(self, lines: Sequence[str]) -> list[list[str]]:
        delimiter = self._delimiter
        quoted = [line for line in lines if '"' in line]
        try:
            parsed = list(csv.reader(quoted, delimiter=delimiter, strict=True))
        except csv.Error:
            return []
        # One that goes over several lines has swallowed others.
        if len(parsed) < len(quoted):
            return []
        in_turn = iter(parsed)
        # Without a quote nothing means anything but the delimiter.
        return [
            next(in_turn) if '"' in line else line.split(delimiter) if line else []
            for line in lines
        ]

    def _lines_of(self, pieces: Iterable[str]) -> Iterator[str]:
        for piece in pieces:
            self._text, self._one_by_one_to = piece, 0
            # Where `several` moves on in it, this goes on behind.
            self._lines = io.StringIO(piece, newline="")
            for line in self._lines:
                self.line = line
                yield line


def _lines_in(text: str) -> list[str]:
    """The lines without their ends."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n")
