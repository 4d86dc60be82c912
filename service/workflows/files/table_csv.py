"""CSV, also gzipped: read line by line in constant memory, in UTF-8 or GB18030.

A cell with bytes that are no text, or a row whose quotes do not close, spoils that row and no other: reading goes on
with the line after the one the row began on.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.workflows.files.table_rows import Broken, Cell, FileRefused, Row, at

LONGEST_LINE = 1 << 20  # bytes; a longer line is cut, and its row refused
LONGEST_CELL = 131_072  # characters; what the csv module allows unless told otherwise
LINES_SOUNDED = 200  # lines that are not pure ASCII, looked at to tell the encoding
UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
ENCODING_NAMES = {"utf-8": "UTF-8", "gb18030": "GB18030"}
_NO_TEXT = re.compile("[\ud800-\udfff]")  # what surrogateescape makes of bytes that are no text
_DAMAGE = (EOFError, OSError, zlib.error)


class CsvRows:
    """The rows of one CSV file. Lines end in LF or CRLF, cells are parted by commas."""

    padded = False

    def __init__(self, path: Path, file: BinaryIO, stream: BinaryIO) -> None:
        self._path, self._file = path, file
        self._size = size_of(file)
        self._encoding, mark = _sound(path, stream)
        stream.seek(mark)
        self._lines = _Lines(path, stream, self._encoding)

    def __iter__(self) -> Iterator[Row]:
        reader = csv.reader(self._lines, strict=True)
        while True:
            line = self._lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._lines.back_to_second()
                yield Row(line, (), _fault(error))
                continue
            if cells:
                yield Row(line, self._cells(cells))

    def part(self) -> float | None:
        return min(1.0, self._file.tell() / self._size) if self._size else None

    def _cells(self, cells: list[str]) -> list[Cell]:
        if self._lines.suspect:
            return [self._looked_at(cell) for cell in cells]
        return [cell.strip() or None for cell in cells]

    def _looked_at(self, cell: str) -> Cell:
        if "\0" in cell:
            return Broken("broken_cell", "含有空字符，或所在的行超过 1 MiB 被截断。")
        if _NO_TEXT.search(cell):
            return Broken("bad_encoding", f"不是有效的 {ENCODING_NAMES[self._encoding]} 文字，请核对导出时的编码。")
        return cell.strip() or None


class _Lines:
    """Hands the csv module one line after the other, and can go back to the second line of a record."""

    def __init__(self, path: Path, stream: BinaryIO, encoding: str) -> None:
        self._path, self._stream, self._encoding = path, stream, encoding
        self._taken: list[str] = []
        self._waiting: deque[str] = deque()
        self._number = 0
        self.suspect = False  # whether the record being read needs a look at each cell

    def begin(self) -> int:
        """Start a record; gives the number of its first line."""
        self._taken.clear()
        self.suspect = False
        return self._number + 1

    def back_to_second(self) -> None:
        """An open quote swallowed good lines: give back all but the first."""
        self._waiting.extendleft(reversed(self._taken[1:]))
        self._number -= max(0, len(self._taken) - 1)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._waiting:
            line, self.suspect = self._waiting.popleft(), True
        else:
            line = self._read()
        self._number += 1
        self._taken.append(line)
        return line

    def _read(self) -> str:
        raw = self._next_raw()
        if not raw:
            raise StopIteration
        if b"\0" in raw:
            self.suspect = True
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            self.suspect = True
            return raw.decode(self._encoding, "surrogateescape")

    def _next_raw(self) -> bytes:
        try:
            raw = self._stream.readline(LONGEST_LINE)
            if len(raw) < LONGEST_LINE or raw.endswith(b"\n"):
                return raw
            while len(more := self._stream.readline(LONGEST_LINE)) == LONGEST_LINE and not more.endswith(b"\n"):
                pass
        except _DAMAGE as error:
            raise FileRefused([at(self._path, self._number + 1, 1, f"文件在此处损坏，读不下去：{error}")]) from None
        return raw + b"\0\n"  # the NUL makes the cut cell a broken one, so that it never passes for whole


@contextmanager
def csv_rows(path: Path, file: BinaryIO) -> Iterator[CsvRows]:
    yield CsvRows(path, file, file)


@contextmanager
def gzipped_csv_rows(path: Path, file: BinaryIO) -> Iterator[CsvRows]:
    with gzip.GzipFile(fileobj=file) as unpacked, io.BufferedReader(unpacked, 1 << 16) as stream:
        yield CsvRows(path, file, stream)


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file, which is then at its beginning."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _sound(path: Path, stream: BinaryIO) -> tuple[str, int]:
    """The encoding, and the length of its mark. Most lines decide: one broken line is not another encoding."""
    first = _sounded(stream)
    if first.startswith(UTF16_MARKS):
        raise FileRefused([at(path, 1, 1, "文件是 UTF-16 编码，请另存为 UTF-8 或 GB18030 的 CSV。")])
    if first.startswith(UTF8_MARK):
        return "utf-8", len(UTF8_MARK)
    utf8 = seen = 0
    line = first
    while line and seen < LINES_SOUNDED:
        if not line.isascii():
            seen += 1
            utf8 += _is_utf8(line)
        line = _sounded(stream)
    return "utf-8" if utf8 * 2 >= seen else "gb18030", 0


def _sounded(stream: BinaryIO) -> bytes:
    """A line, or nothing where the file is damaged: whoever reads it names the place."""
    try:
        return stream.readline(LONGEST_LINE)
    except _DAMAGE:
        return b""


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fault(error: csv.Error) -> Broken:
    if "field limit" in str(error):
        return Broken("cell_too_long", f"单元格超过 {LONGEST_CELL} 个字符，或引号没有闭合。")
    return Broken("bad_quoting", "引号没有闭合，或引号后还有别的字符；单元格内的引号要写成两个。")
