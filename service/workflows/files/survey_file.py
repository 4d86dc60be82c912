"""A questionnaire table (.xlsx, .csv), one row per answer sheet or per attitude: read in memory, counted, forgotten."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from service.workflows.files.survey_columns import Asks, columns_of
from service.workflows.files.survey_sheets import Attitude, SheetReader
from service.workflows.files.survey_tally import MOST_FAULTS, Counting, SurveyFile, Tally, summed
from service.workflows.files.table_files import Table, table_in
from service.workflows.files.table_rows import FileRefused, Row, at
from service.workflows.files.table_xlsx import refuse_traps

MOST_BYTES = 5_000_000
MOST_UNPACKED = 32 << 20  # reading that much takes some ten seconds of one core
MOST_SHEETS = 50_000
WORKBOOK = b"PK\x03\x04"


def read_survey(name: str, content: bytes) -> SurveyFile:
    """Count a table; `name` is told with every place. Raises FileRefused with `name:row:column` of every fault."""
    if len(content) > MOST_BYTES:
        raise FileRefused([f"{name}: 文件超过 {MOST_BYTES // 1_000_000} MB；请只保留问卷的题目。"])
    is_workbook = content.startswith(WORKBOOK)
    path = _named(name, is_workbook)
    file = io.BytesIO(content)
    if is_workbook:
        refuse_traps(path, file, MOST_UNPACKED)
    with table_in(path, file) as table:
        per_sheet, tally = _counted(table)
    if not tally.sheets:
        raise FileRefused([at(path, 2, 1, "没有答卷；第一行是列名，从第二行起每行一份答卷。")])
    return SurveyFile(hashlib.sha256(content).hexdigest(), tally, per_sheet)


def _named(name: str, is_workbook: bool) -> Path:
    """What the content is decides, not what the file is called: the openers go by the end of the name."""
    ending = ".xlsx" if is_workbook else ".csv"
    return Path(name if name.lower().endswith(ending) else name + ending)


def _counted(table: Table) -> tuple[bool, Tally]:
    columns = columns_of(table.path, table.columns)
    reader = SheetReader(table.path, columns)
    rows = _sound(table, reader)
    if any(column.asks is Asks.COUNT for column in columns):
        counts: list[tuple[Attitude, int]] = [(reader.attitude(row), reader.count(row)) for row in rows]
        return False, summed(table.path, counts)
    counting = Counting(columns)
    for row in rows:
        counting.add(reader.read(row))
    faults = counting.faults(table.path)
    if faults:
        raise FileRefused(faults)
    return True, counting.tally()


def _sound(table: Table, reader: SheetReader) -> Iterator[Row]:
    """The rows while nothing is wrong; at the end everything that was."""
    faults: list[str] = []
    for number, row in enumerate(table.rows()):
        if number >= MOST_SHEETS:
            raise FileRefused([at(table.path, row.line, 1, f"超过 {MOST_SHEETS} 行；请分文件导入。")])
        faults += _nameless(table, row) or reader.faults(row)
        if len(faults) >= MOST_FAULTS:
            break
        if not faults:
            yield row
    if faults:
        raise FileRefused(faults[:MOST_FAULTS])


def _nameless(table: Table, row: Row) -> list[str]:
    if row.fault is not None:
        return []
    places = [n for n, head in enumerate(table.columns) if not head and row.cells[n] is not None]
    return [at(table.path, row.line, n + 1, "此列没有列名；请删除整列，或在第一行写上题目。") for n in places]
