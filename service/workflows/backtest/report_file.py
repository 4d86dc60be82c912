"""A file of reports as a history: what `weiyu import` reads, or one report body a line. No outcomes, so no measures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from service.domain.areas import Area
from service.domain.catalogue import Catalogue
from service.domain.incidents import IncidentReport
from service.store.engine import Row
from service.workflows.backtest.history import Furniture, History, Received, in_order
from service.workflows.backtest.lines import FAULTS_SHOWN, read_apart
from service.workflows.files.area_names import AreaNames
from service.workflows.files.import_areas import read_areas
from service.workflows.files.import_mapping import SaidOnCommandLine, read_mapping, settle
from service.workflows.files.import_values import Values
from service.workflows.files.reading_rows import Reading, RowReader
from service.workflows.files.table_files import open_table
from service.workflows.files.table_rows import FileRefused
from service.workflows.parts import Engines

ALWAYS = date(1900, 1, 1)
SYSTEM = "回放文件"
AN_INSTANT = timedelta(seconds=1)  # the last report is still within what is known
RECEIVED_AT = "received_at"  # a line of JSON may say when the report was received
_MODEST = "文件没有收到时刻：以采集时刻或发生时刻为准（received_at 只在 .jsonl 中可用）。"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """Which file, how its columns are meant, and the areas it speaks of (None: the codes that occur in it)."""

    path: Path
    mapping: Path | None = None
    areas: Path | None = None


def read_reports(file: ReportFile, engines: Engines) -> History:
    """The reports of a file in order of receipt; rows that make no report are left out and said.

    Raises FileRefused when there is no report in it.
    """
    areas = read_areas(file.areas) if file.areas else []
    as_lines = file.path.suffix == ".jsonl"
    found, faults = read_apart(file.path, _line) if as_lines else _rows(file, areas, engines)
    if not found:
        raise FileRefused(faults[:FAULTS_SHOWN] or [f"{file.path}: 没有报告，无可回放。"])
    events = in_order(Received(at, report, SYSTEM) for at, report in found)
    return History(
        source=f"报告文件 {file.path.name}",
        synthetic=False,
        end=events[-1].at + AN_INSTANT,
        events=events,
        furniture=Furniture(areas=tuple(_area_rows(areas, (report for _, report in found)))),
        outcomes=False,
        notes=tuple(_notes(faults, as_lines, file.areas is not None)),
    )


def _notes(faults: list[str], as_lines: bool, with_areas: bool) -> Iterator[str]:
    if faults:
        yield f"{len(faults)} 行读不懂，未回放；例如 {faults[0]}"
    if not as_lines:
        yield _MODEST
    if not with_areas:
        yield "未给区划文件（--areas）：以报告中出现的区划代码为准。"


def _line(row: dict[str, Any]) -> tuple[datetime, IncidentReport]:
    received = row.pop(RECEIVED_AT, None)
    report = IncidentReport.model_validate(row)
    at = datetime.fromisoformat(received) if received else _receipt(report)
    if at.tzinfo is None:
        raise ValueError(f"字段 {RECEIVED_AT} 缺少时区")
    return at, report


def _receipt(report: IncidentReport) -> datetime:
    return max(report.captured_at or report.occurred_at, report.occurred_at)


def _rows(
    file: ReportFile, areas: list[Area], engines: Engines
) -> tuple[list[tuple[datetime, IncidentReport]], list[str]]:
    mapping = read_mapping(file.mapping, SaidOnCommandLine())
    with open_table(file.path) as table:
        settle(mapping, table)
        reader = RowReader(mapping, table.columns, _values(engines.catalogue, areas, engines))
        readings = [reader.read(row) for row in table.rows()]
    found = [(_receipt(one.report), one.report) for one in readings if one.report is not None]
    return found, [_fault(file.path, one) for one in readings if one.report is None]


def _values(catalogue: Catalogue, areas: list[Area], engines: Engines) -> Values:
    return Values(catalogue, AreaNames(areas), engines.zone)


def _fault(path: Path, reading: Reading) -> str:
    first = reading.errors[0]
    return f"{path}:{reading.line}: {first.field}：{first.detail}"


def _area_rows(areas: list[Area], reports: Iterable[IncidentReport]) -> list[Row]:
    if areas:
        return [{"code": a.code, "name": a.name, "valid_from": a.valid_from, "valid_to": a.valid_to} for a in areas]
    codes = sorted({report.area for report in reports})
    return [{"code": code, "name": code, "valid_from": ALWAYS, "valid_to": None} for code in codes]
