"""Files of other systems, as small as the test needs them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import openpyxl

COLUMNS = ("编号", "标题", "时间", "内容", "地点")
ROW = ("WX-1", "物业违规收停车费", "2026-11-18 11:25:05", "小区物业违规收停车费，多次反映没有答复", "清河街道第一社区")
MAPS = ("编号=id", "标题=title", "时间=occurred_at", "内容=text", "地点=area")


def row(number: int, **changes: str) -> tuple[str, ...]:
    """One report of the foreign system, by Chinese column names."""
    given = dict(zip(COLUMNS, ROW, strict=True)) | {"编号": f"WX-{number}"} | changes
    return tuple(given.values())


def csv_text(rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([columns, *rows])
    return file.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_xlsx(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for cells in rows:
        sheet.append(list(cells))
    book.save(path)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
