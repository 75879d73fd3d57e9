"""The text of a CSV file as records: lines without a quote are split, the others parsed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from producers.rows.source import last_line_end

WINDOW = 8 * 1024
"""Characters that are split at once: some hundred lines, and far below the longest cell."""


class Records:
    """Reads one text from its beginning to its end, by `plain` and `next` in any order."""

    def __init__(self, pieces: Iterable[str], delimiter: str) -> None:
        self.line = ""
        """The last line that was parsed."""
        self._delimiter = delimiter
        self._text = ""
        self._lines = io.StringIO()
        self._split = 0
        # Strict, because a quote left open closes at the next one: lenient reading would then
        # lose the rows in between without a word.
        self._reader = csv.reader(self._parsed(pieces), delimiter=delimiter, strict=True)

    @property
    def lines_read(self) -> int:
        """The number of lines that are behind us."""
        return self._reader.line_num + self._split

    def next(self) -> list[str] | None:
        """The cells of the next record; None at the end. Raises csv.Error, and can go on then."""
        return next(self._reader, None)

    def plain(self) -> list[list[str]]:
        """The cells of the next lines as far as they have no quote, a list a line; often none.

        Nothing but the delimiter and the end of the line means anything in them, so they are
        what `next` would give, but that an empty line is [""].
        """
        begin = self._lines.tell()
        end = self._plain_end(begin)
        if end <= begin:
            return []
        self._lines.seek(end)
        text = self._text[begin:end].replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        delimiter = self._delimiter
        cells = [line.split(delimiter) for line in text.split("\n")]
        self._split += len(cells)
        return cells

    def _plain_end(self, begin: int) -> int:
        stop = begin + WINDOW
        quote = self._text.find('"', begin, stop)
        if quote < 0 and stop >= len(self._text):
            return len(self._text)
        return last_line_end(self._text, begin, stop if quote < 0 else quote)

    def _parsed(self, pieces: Iterable[str]) -> Iterator[str]:
        for piece in pieces:
            self._text = piece
            # Where `plain` moves on in it, this goes on behind.
            self._lines = io.StringIO(piece, newline="")
            for line in self._lines:
                self.line = line
                yield line
