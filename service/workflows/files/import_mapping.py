"""Which column of a foreign export is which field: from a mapping file, from the command line, or both.

A mapping file keeps it all, so that next month's export is one command:

    format: weiyu-mapping-1
    system: liuyanban            # name of the reporting system; with it ids are unique
    timezone: Asia/Shanghai      # times without offset are local times of this zone
    columns: {留言编号: id, 留言主题: title, 留言时间: occurred_at, 留言详情: text}
    set: {area: A市, source: 网上}            # for rows that say nothing else
    values: {category: {城市管理: administrative.city_management}}   # given: meant
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from service.rules.positions import Document, hint, read_source
from service.workflows.files.import_values import FIELDS, REQUIRED
from service.workflows.files.table_files import Table, like
from service.workflows.files.table_rows import FileRefused

FORMAT = "weiyu-mapping-1"
KEYS = ("format", "system", "timezone", "columns", "set", "values")
UNNAMED = "文件导入"  # a source that was given no name
SYSTEM = re.compile(r"\S(?:.{0,62}\S)?")  # any name: the systems of a district have Chinese ones


@dataclass(frozen=True, slots=True)
class Said:
    """What a key of the mapping says, and where: the key, then the word."""

    text: str
    key_at: str
    word_at: str


@dataclass(slots=True)
class Mapping:
    """`columns`: column → field; `fixed`: field → value of rows without one; `values`: field → given → meant."""

    system: Said | None = None
    timezone: Said | None = None
    columns: dict[str, Said] = field(default_factory=dict)
    fixed: dict[str, Said] = field(default_factory=dict)
    values: dict[str, dict[str, Said]] = field(default_factory=dict)

    @property
    def system_name(self) -> str:
        """The reporting system whose ids these are; two sources that reuse each other's ids must be named apart."""
        return self.system.text if self.system else UNNAMED

    def zone(self, default: ZoneInfo) -> ZoneInfo:
        return default if self.timezone is None else ZoneInfo(self.timezone.text)


@dataclass(frozen=True, slots=True)
class SaidOnCommandLine:
    """`maps`: column=field each; `sets`: field=value each. What is said here goes before the mapping file."""

    maps: Sequence[str] = ()
    sets: Sequence[str] = ()
    system: str | None = None
    timezone: str | None = None


def read_mapping(file: Path | None, said: SaidOnCommandLine) -> Mapping:
    """The mapping of a file and the command line together. Raises FileRefused with every fault, each with its place."""
    mapping = Mapping()
    errors = [] if file is None else _read_file(file, mapping)
    errors += _read_command_line(said, mapping)
    errors += [] if errors else _doubtful(mapping)  # after a fault, what is missing may only be unread
    if errors:
        raise FileRefused(errors)
    return mapping


def settle(mapping: Mapping, table: Table) -> None:
    """Check a mapping against the file it is for. Without any column mapped, columns named like fields are taken."""
    columns = [name for name in table.columns if name]
    if not mapping.columns:
        mapping.columns = {name: _placed(name, str(table.path)) for name in columns if name in FIELDS}
    shown = f"；文件的列：{'、'.join(columns)}。"
    errors = [
        f"{said.key_at}: 文件里没有列“{column}”{like(column, columns)}{shown}"
        for column, said in mapping.columns.items()
        if column not in columns
    ]
    errors += [f"必填字段 {name} 没有对应：--map 列名={name}{_or_set(name)}{shown}" for name in _uncovered(mapping)]
    if errors:
        raise FileRefused(errors)


def _uncovered(mapping: Mapping) -> list[str]:
    covered = {said.text for said in mapping.columns.values()} | mapping.fixed.keys()
    return [name for name in REQUIRED if name not in covered]


def _or_set(name: str) -> str:
    return "" if name == "id" else f"，或 --set {name}=值"


def _read_file(path: Path, mapping: Mapping) -> list[str]:
    document = read_source(path)
    if not document.errors:
        _read_document(document, mapping)
    return [str(error) for error in sorted(document.errors, key=lambda error: (error.line, error.column))]


def _read_document(document: Document, mapping: Mapping) -> None:
    data = document.data
    if not isinstance(data, dict):
        document.fault((), f"应为键和值，以 format: {FORMAT} 开头")
        return
    for key in data.keys() - set(KEYS):
        document.fault((key,), f"没有键 ‘{key}’{hint(key, KEYS)}；可用 {'、'.join(KEYS)}", at_key=True)
    if data.get("format") != FORMAT:
        document.fault(("format",), f"format 应为 {FORMAT}")
    for name in ("system", "timezone"):
        if data.get(name) is not None:
            setattr(mapping, name, _said(document, (name,), data[name]))
    mapping.columns = _words(document, ("columns",), data.get("columns"))
    mapping.fixed = _words(document, ("set",), data.get("set"))
    for name, words in _section(document, ("values",), data.get("values")).items():
        mapping.values[name] = _words(document, ("values", name), words)
        if name not in FIELDS:
            document.fault(("values", name), _no_field(name), at_key=True)


def _section(document: Document, path: tuple[str, ...], data: object) -> dict[str, object]:
    if data is None:
        return {}
    if isinstance(data, dict):
        return data
    document.fault(path, f"{'.'.join(path)} 应为键和值")
    return {}


def _words(document: Document, path: tuple[str, ...], data: object) -> dict[str, Said]:
    section = _section(document, path, data)
    return {name: _said(document, (*path, name), value) for name, value in section.items()}


def _said(document: Document, path: tuple[str, ...], value: object) -> Said:
    if isinstance(value, bool) or not isinstance(value, str | int):
        document.fault(path, "应为文字；日期、小数、是否等请加引号")
    spots = (document.keys.get(path, (1, 1)), document.values.get(path, (1, 1)))
    return Said(str(value), *(f"{document.file}:{line}:{column}" for line, column in spots))


def _placed(text: str, where: str) -> Said:
    return Said(text, where, where)


def _read_command_line(said: SaidOnCommandLine, mapping: Mapping) -> Iterator[str]:
    """Take over what the command line says; yields what is wrong with it."""
    for given in said.maps:
        column, equals, name = given.rpartition("=")  # a column may have = in its name, a field has not
        mapping.columns[column.strip()] = _placed(name.strip(), f"--map {given}")
        if not equals:
            yield f"--map {given}: 应写作 列名=字段"
    for given in said.sets:
        name, equals, value = given.partition("=")
        mapping.fixed[name.strip()] = _placed(value.strip(), f"--set {given}")
        if not equals:
            yield f"--set {given}: 应写作 字段=值"
    if said.system is not None:
        mapping.system = _placed(said.system, "--system")
    if said.timezone is not None:
        mapping.timezone = _placed(said.timezone, "--timezone")


def _doubtful(mapping: Mapping) -> Iterator[str]:
    """What is wrong with a mapping, whatever file it is for."""
    yield from (f"{s.word_at}: {_no_field(s.text)}" for s in mapping.columns.values() if s.text not in FIELDS)
    yield from (f"{s.key_at}: {_no_field(name)}" for name, s in mapping.fixed.items() if name not in FIELDS)
    yield from _mapped_twice(mapping)
    if "id" in mapping.fixed:
        yield f"{mapping.fixed['id'].key_at}: 每行要有自己的编号，id 不能统一设定"
    if mapping.system is not None and not SYSTEM.fullmatch(mapping.system.text):
        yield f"{mapping.system.word_at}: system 应为 1 到 64 个字符，首尾不含空格"
    if mapping.timezone is not None and mapping.timezone.text not in available_timezones():
        yield f"{mapping.timezone.word_at}: 没有时区“{mapping.timezone.text}”，如 Asia/Shanghai"


def _mapped_twice(mapping: Mapping) -> Iterator[str]:
    seen: dict[str, str] = {}
    for column, said in mapping.columns.items():
        if said.text in seen:
            yield f"{said.word_at}: 列“{seen[said.text]}”与“{column}”对应了同一字段 {said.text}"
        seen[said.text] = column


def _no_field(name: str) -> str:
    return f"没有字段“{name}”{like(name, FIELDS)}；可用字段：{'、'.join(FIELDS)}"
