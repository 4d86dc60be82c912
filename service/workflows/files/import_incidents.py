"""Incidents from an export of another system, on the same way as reports over the API: 500 at a time.

Memory stays the same however long the file is. What cannot be kept goes to a file of rejects (line, id, field, code,
reason; never what the row said), and a corrected file may be loaded whole again: what was kept is a duplicate.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from service.domain.incidents import ReportResult
from service.domain.problems import FieldError
from service.workflows.files.area_names import AreaNames
from service.workflows.files.import_mapping import Mapping, SaidOnCommandLine, read_mapping, settle
from service.workflows.files.import_values import Values
from service.workflows.files.reading_rows import Reading, RowReader
from service.workflows.files.table_files import open_table
from service.workflows.files.table_out import CsvOut, csv_out
from service.workflows.files.table_rows import FileRefused
from service.workflows.parts import Clock, Doors, Engines
from service.workflows.preparing import Arrival
from service.workflows.report_incidents import Mode, report_incidents

LOG = logging.getLogger(__name__)
GROUP = 500  # rows in one transaction
FAILURES_BORNE = 5  # single reports in a row that the database refuses, before the database is what is at fault
REJECTS_HEADER = ("line", "id", "field", "code", "reason")
STATUSES = {"created": "接收", "duplicate": "重复", "conflict": "冲突", "invalid": "无效"}


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What to import and how. `dry_run` keeps nothing and says what would happen."""

    path: Path
    mapping: Path | None = None
    said: SaidOnCommandLine = field(default_factory=SaidOnCommandLine)
    dry_run: bool = False
    rejects: Path | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows done so far by status; `part` of the file from 0 to 1, None when its length is not known."""

    rows: int
    by_status: dict[str, int]
    part: float | None


@dataclass(slots=True)
class ImportSummary:
    """What became of every row."""

    dry_run: bool
    rejects: Path | None
    unused: tuple[str, ...] = ()
    by_status: Counter[str] = field(default_factory=Counter)
    late: int = 0

    @property
    def rows(self) -> int:
        return self.by_status.total()

    @property
    def refused(self) -> int:
        return self.by_status["conflict"] + self.by_status["invalid"]

    def lines(self) -> list[str]:
        """The summary to print, Chinese."""
        parts = " + ".join(f"{name} {self.by_status[status]}" for status, name in STATUSES.items())
        lines = [f"{'试运行（未保存）：' if self.dry_run else ''}共 {self.rows} 行 = {parts}。"]
        if self.late:
            lines.append(f"其中 {self.late} 行为迟报，计入事项，但不因此新发预警。")
        if self.unused:
            lines.append(f"未使用的列：{'、'.join(self.unused)}（未读入系统）。")
        if self.refused:
            lines.append(
                f"未接收的行及原因见 {self.rejects}。" if self.rejects else "加 --rejects 文件 可列出未接收的行及原因。"
            )
        if self.dry_run:
            lines.append(f"试运行按每 {GROUP} 行核对，相隔更远的重复编号要到正式导入时才计为重复或冲突。")
        return lines


async def import_incidents(
    doors: Doors, engines: Engines, order: ImportOrder, clock: Clock, progress: Callable[[Progress], None]
) -> ImportSummary:
    """Import a file; `progress` hears of every group. Raises FileRefused with lines to print: before anything is kept
    when mapping and file do not fit, later when the file itself is damaged half way.
    """
    mapping = read_mapping(order.mapping, order.said)
    _check_places(order)
    with open_table(order.path) as table, _rejects(order) as rejects:
        settle(mapping, table)
        values = await _values(doors, engines, mapping, clock)
        reader = RowReader(mapping, table.columns, values)
        unused = tuple(name for name in table.columns if name and name not in mapping.columns)
        summary = ImportSummary(order.dry_run, order.rejects, unused)
        way = _Way(doors, engines, mapping.system_name, clock, Mode(commit=not order.dry_run))
        try:
            for group in _groups(reader.read(row) for row in table.rows()):
                _count(summary, group, await way.send(group), rejects)
                progress(Progress(summary.rows, dict(summary.by_status), table.part()))
        except FileRefused as refused:
            raise FileRefused([*refused.lines, *_so_far(summary)]) from refused.__cause__
    return summary


@dataclass(frozen=True, slots=True)
class _Way:
    """The way into the database for groups of readings."""

    doors: Doors
    engines: Engines
    system: str
    clock: Clock
    mode: Mode

    async def send(self, group: Sequence[Reading]) -> list[ReportResult]:
        """What became of each row, in order."""
        arrivals = [Arrival(reading.report, self.system) for reading in group if reading.report is not None]
        sent = iter(await self._report(arrivals))
        return [_refused(reading) if reading.report is None else next(sent) for reading in group]

    async def _report(self, arrivals: Sequence[Arrival]) -> list[ReportResult]:
        if not arrivals:
            return []
        try:
            return await report_incidents(self.doors, self.engines, arrivals, self.clock(), self.mode)
        except Exception as error:
            LOG.warning("group failed, importing its rows one by one", extra={"cause": type(error).__name__})
            return await self._one_by_one(arrivals)

    async def _one_by_one(self, arrivals: Sequence[Arrival]) -> list[ReportResult]:
        """One bad report spoils only its row; when one after the other fails, the database is at fault and we stop."""
        results: list[ReportResult] = []
        failed = 0
        for arrival in arrivals:
            try:
                results += await report_incidents(self.doors, self.engines, [arrival], self.clock(), self.mode)
                failed = 0
            except Exception as error:
                failed += 1
                if failed == min(FAILURES_BORNE, len(arrivals)):
                    raise FileRefused([f"数据库不可用或拒绝写入（{type(error).__name__}），导入停止。"]) from error
                reason = FieldError("row", "not_kept", f"写入数据库失败（{type(error).__name__}）。")
                results.append(ReportResult(arrival.report.id, "invalid", errors=(reason,)))
        return results


def _refused(reading: Reading) -> ReportResult:
    return ReportResult(reading.id, "invalid", errors=reading.errors)


def _count(
    summary: ImportSummary, group: Sequence[Reading], results: Sequence[ReportResult], rejects: CsvOut | None
) -> None:
    for reading, result in zip(group, results, strict=True):
        summary.by_status[result.status] += 1
        summary.late += result.late and result.status == "created"
        if rejects is not None:
            for error in result.errors:
                rejects.row((reading.line, reading.id, error.field, error.code, error.detail))


def _groups(readings: Iterator[Reading]) -> Iterator[list[Reading]]:
    while group := list(islice(readings, GROUP)):
        yield group


async def _values(doors: Doors, engines: Engines, mapping: Mapping, clock: Clock) -> Values:
    """Readers of cells that know today's areas by name."""
    async with doors.engine.connect() as connection:
        known = await doors.reference.get(connection)
    today = engines.day(clock())
    areas = (known.area_on(code, today) for code in known.areas)
    return Values(engines.catalogue, AreaNames(area for area in areas if area), mapping.zone(engines.zone))


def _rejects(order: ImportOrder) -> AbstractContextManager[CsvOut | None]:
    return csv_out(order.rejects, REJECTS_HEADER) if order.rejects else nullcontext()


def _check_places(order: ImportOrder) -> None:
    """The file of rejects must not replace what is read."""
    read = {path.resolve() for path in (order.path, order.mapping) if path is not None}
    if order.rejects is not None and order.rejects.resolve() in read:
        raise FileRefused([f"--rejects {order.rejects}: 与要读的文件相同，请另取文件名。"])


def _so_far(summary: ImportSummary) -> Iterable[str]:
    done = "核对" if summary.dry_run else "导入"
    return [f"此前已{done} {summary.rows} 行；修好后可整份重新导入，已接收的只会计为重复。"]
