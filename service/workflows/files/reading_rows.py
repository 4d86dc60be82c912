"""One row of a foreign export becomes one report, or the list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from service.domain.incidents import IncidentReport
from service.domain.problems import FieldError
from service.workflows.files.import_mapping import Mapping
from service.workflows.files.import_values import PLACE_FIELDS, Reader, Values, client_id
from service.workflows.files.table_rows import Broken, FileRefused, Row

# pydantic's error type → what would be right; {…} from the error's own context. Never the value itself.
_RIGHT = {
    "missing": "缺少必填内容。",
    "string_too_short": "缺少必填内容。",
    "string_too_long": "最多 {max_length} 个字符。",
    "string_pattern_mismatch": "格式应符合 {pattern}。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than_equal": "不能大于 {le}。",
    "finite_number": "应为数字。",
    "uuid_parsing": "应为 UUID。",
    "too_long": "最多 {max_length} 项，实际 {actual_length} 项。",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one row says. `id` is "" when the row has none that could be one."""

    line: int
    id: str
    report: IncidentReport | None
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    place: int
    field: str
    read: Reader
    words: dict[str, str]  # given → meant


class RowReader:
    """Reads rows by a mapping that was checked against the file. Raises FileRefused when a word of the mapping itself
    cannot be read, such as an area nobody knows.
    """

    def __init__(self, mapping: Mapping, columns: Sequence[str], values: Values) -> None:
        faults = [*_unreadable(mapping, values)]
        if faults:
            raise FileRefused(faults)
        self._fixed = {name: values.reader(name)(said.text) for name, said in mapping.fixed.items()}
        self._columns = [
            _Column(columns.index(name), said.text, values.reader(said.text), _words(mapping, said.text))
            for name, said in mapping.columns.items()
        ]
        self._id_place = next(column.place for column in self._columns if column.field == "id")

    def read(self, row: Row) -> Reading:
        """The report of a row, or everything that is wrong with it."""
        if row.fault is not None:
            return Reading(row.line, "", None, (FieldError("row", row.fault.code, row.fault.reason),))
        given = dict(self._fixed)
        broken = []
        for column in self._columns:
            cell = row.cells[column.place]
            if cell is None:
                continue
            value = column.read(column.words.get(cell, cell) if isinstance(cell, str) else cell)
            if isinstance(value, Broken):
                broken.append(FieldError(column.field, value.code, value.reason))
            given[column.field] = value
        errors = tuple(broken)
        if not errors:
            try:
                return Reading(row.line, given.get("id", ""), IncidentReport.model_validate(_placed(given)))
            except ValidationError as error:
                errors = _field_errors(error)
        return Reading(row.line, self._id_of(row), None, errors)

    def _id_of(self, row: Row) -> str:
        cell = row.cells[self._id_place]
        text = None if cell is None or isinstance(cell, Broken) else client_id(cell)
        return text if isinstance(text, str) else ""


def _unreadable(mapping: Mapping, values: Values) -> Iterator[str]:
    """Words that the mapping gives for fields and that the fields cannot take, each with its place."""
    said = list(mapping.fixed.items())
    said += [(name, meant) for name, words in mapping.values.items() for meant in words.values()]
    for name, meant in said:
        value = values.reader(name)(meant.text)
        if isinstance(value, Broken):
            yield f"{meant.word_at}: {name}：{value.reason}"


def _words(mapping: Mapping, name: str) -> dict[str, str]:
    return {given: meant.text for given, meant in mapping.values.get(name, {}).items()}


def _placed(given: dict[str, Any]) -> dict[str, Any]:
    """Coordinates as the one location that a report has."""
    location = {name: given.pop(name) for name in PLACE_FIELDS if name in given}
    return {**given, "location": location} if location.keys() - {"accuracy_m"} else given


def _field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    found = error.errors(include_url=False, include_input=False)
    return tuple(FieldError(_name(one["loc"]), one["type"], _right(one["type"], one.get("ctx", {}))) for one in found)


def _name(location: tuple[int | str, ...]) -> str:
    return str(location[-1] if location[0] == "location" else location[0])


def _right(kind: str, context: dict[str, Any]) -> str:
    return _RIGHT.get(kind, "内容不合要求（{kind}）。").format(kind=kind, **context)
