"""Areas from a file: read whole, checked whole, and loaded whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import LEVEL_NAMES, Area, prefix_of
from service.store import reference
from service.store.tables_service import AreaTable
from service.workflows.files.area_names import LONGEST_NAME, full_code
from service.workflows.files.table_files import Table, like, open_table
from service.workflows.files.table_rows import Broken, Cell, FileRefused, Row, at, text_of
from service.workflows.parts import Doors

EARLIEST = date(1900, 1, 1)
KEY = ("code", "valid_from")
REQUIRED = ("code", "name")
OPTIONAL = ("valid_from", "valid_to")
USED = {*REQUIRED, *OPTIONAL}
_ADVICE = "同一代码同一天只能有一个名称，请给较早的一条写上 valid_to。"


@dataclass(frozen=True, slots=True)
class AreaCounts:
    """What loading did. `by_level` counts the areas of the file by 省 … 村社区."""

    new: int
    changed: int
    unchanged: int
    valid_today: int
    by_level: dict[str, int]

    def lines(self) -> list[str]:
        """The summary to print, Chinese."""
        total = self.new + self.changed + self.unchanged
        levels = "，".join(f"{name} {count}" for name, count in self.by_level.items())
        return [
            f"已导入区划 {total} 条 = 新增 {self.new} + 更新 {self.changed} + 未变 {self.unchanged}。",
            f"今日有效 {self.valid_today} 条；按级别：{levels or '无'}。",
        ]


def read_areas(path: Path) -> list[Area]:
    """The areas of a table file with columns code and name, optionally valid_from and valid_to (ISO dates).

    Codes of 2, 4, 6, 9 or 12 digits, filled with zeros to 12. Raises FileRefused with every fault as
    `file:line:column: message` when any row is wrong or two periods of one code overlap.
    """
    with open_table(path) as table:
        _check_columns(table)
        reading = _Reading(table.columns)
        for row in table.rows():
            reading.take(row)
    reading.check_periods()
    if reading.errors:
        raise FileRefused(at(path, *error) for error in sorted(reading.errors))
    return list(reading.areas.values())


async def import_areas(doors: Doors, areas: Sequence[Area], now: datetime) -> AreaCounts:
    """Load areas; one with a known code and valid_from replaces it. Raises FileRefused, keeping nothing, when a period
    would overlap one that was loaded earlier.
    """
    rows = [{"code": a.code, "name": a.name, "valid_from": a.valid_from, "valid_to": a.valid_to} for a in areas]
    async with doors.transaction() as connection:
        before = {(area.code, area.valid_from): area for area in await _kept(connection)}
        await reference.put(connection, AreaTable, rows, KEY)
        after = await _kept(connection)
        clashes = list(_overlaps(after))
        if clashes:
            raise FileRefused(_clash(*pair) for pair in clashes)
    new = sum((area.code, area.valid_from) not in before for area in areas)
    unchanged = sum(before.get((area.code, area.valid_from)) == area for area in areas)
    # Days begin at different moments in different zones; for a count to look at, the day of `now` is near enough.
    today = sum(_valid_on(area, now.date()) for area in areas)
    return AreaCounts(new, len(areas) - new - unchanged, unchanged, today, _by_level(areas))


@dataclass(slots=True)
class _Reading:
    """The rows read so far: areas by the line they stand on, and what is wrong as (line, column, message)."""

    columns: tuple[str, ...]
    areas: dict[int, Area] = field(default_factory=dict)
    errors: list[tuple[int, int, str]] = field(default_factory=list)

    def take(self, row: Row) -> None:
        if row.fault is not None:
            self.errors.append((row.line, 1, row.fault.reason))
            return
        cells = {name: cell for name, cell in zip(self.columns, row.cells, strict=True) if name in USED}
        errors = list(_faults(cells))
        self.errors += [(row.line, self.columns.index(name) + 1, message) for name, message in errors]
        if not errors:
            self.areas[row.line] = _area(cells)

    def check_periods(self) -> None:
        lines = {id(area): line for line, area in self.areas.items()}
        for one, other in _overlaps(self.areas.values()):
            first, second = sorted((lines[id(one)], lines[id(other)]))
            message = f"{one.code} 的有效期与第 {first} 行重叠；{_ADVICE}"
            self.errors.append((second, self.columns.index("code") + 1, message))


def _check_columns(table: Table) -> None:
    missing = [name for name in REQUIRED if name not in table.columns]
    if missing:
        shown = "、".join(name for name in table.columns if name)
        raise FileRefused(
            at(table.path, 1, 1, f"缺少列 {name}{like(name, table.columns)}；文件的列：{shown}。") for name in missing
        )


def _faults(cells: dict[str, Cell]) -> Iterator[tuple[str, str]]:
    """What is wrong with one row, each with its column."""
    broken = [(name, cell.reason) for name, cell in cells.items() if isinstance(cell, Broken)]
    if broken:
        yield from broken
        return
    code, name = text_of(cells["code"]), text_of(cells["name"])
    if full_code(code) is None:
        yield "code", f"区划代码应为 2、4、6、9 或 12 位数字，这里有 {len(code)} 个字符。"
    if not name:
        yield "name", "缺少区划名称。"
    if len(name) > LONGEST_NAME:
        yield "name", f"区划名称最多 {LONGEST_NAME} 个字符。"
    unread = [name for name in OPTIONAL if not _is_day(cells.get(name))]
    yield from ((name, "日期应写作 2024-01-31。") for name in unread)
    if not unread:
        start, end = _period(cells)
        if end is not None and end < start:
            yield "valid_to", f"失效日期 {end} 早于生效日期 {start}。"


def _area(cells: dict[str, Cell]) -> Area:
    return Area(full_code(text_of(cells["code"])) or "", text_of(cells["name"]), *_period(cells))


def _period(cells: dict[str, Cell]) -> tuple[date, date | None]:
    return _day(cells.get("valid_from")) or EARLIEST, _day(cells.get("valid_to"))


def _is_day(cell: Cell) -> bool:
    try:
        _day(cell)
    except ValueError:
        return False
    return True


def _day(cell: Cell) -> date | None:
    if cell is None:
        return None
    if isinstance(cell, datetime):
        return cell.date()
    return cell if isinstance(cell, date) else date.fromisoformat(text_of(cell))


def _overlaps(areas: Iterable[Area]) -> Iterator[tuple[Area, Area]]:
    """Neighbouring periods of one code that share a day."""
    for one, other in pairwise(sorted(areas, key=lambda area: (area.code, area.valid_from))):
        if one.code == other.code and (one.valid_to is None or one.valid_to >= other.valid_from):
            yield one, other


def _clash(one: Area, other: Area) -> str:
    kept = f"{one.name}（{one.valid_from} 至 {one.valid_to or '今'}）"
    return f"{one.code} {other.name} 自 {other.valid_from} 起的有效期与 {kept}重叠；{_ADVICE}"


async def _kept(connection: AsyncConnection) -> list[Area]:
    rows = await reference.rows(connection, AreaTable, "code, valid_from")
    return [Area(row["code"], row["name"], row["valid_from"], row["valid_to"]) for row in rows]


def _valid_on(area: Area, day: date) -> bool:
    return area.valid_from <= day and (area.valid_to is None or day <= area.valid_to)


def _by_level(areas: Sequence[Area]) -> dict[str, int]:
    counted = Counter(len(prefix_of(area.code)) for area in areas)
    return {LEVEL_NAMES.get(length, "全国"): counted[length] for length in sorted(counted)}
