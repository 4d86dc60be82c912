"""One row of a foreign export becomes one report, or the list of what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from service.domain.incidents import IncidentReport
from service.domain.problems import FieldError
from service.workflows.import_mapping import Mapping, Said
from service.workflows.import_values import PLACE_FIELDS, Reader, Values, client_id
from service.workflows.table_rows import Broken, Cell, FileRefused, Row, text_of

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
        words = {name: {given: s.text for given, s in given_words.items()} for name, given_words in mapping.values.items()}
        self._columns = [
            _Column(columns.index(column), said.text, values.reader(said.text), words.get(said.text, {}))
            for column, said in mapping.columns.items()
        ]
        self._fixed, errors = _fixed(mapping, values, words)
        errors += _unreadable_words(mapping, values)
        self._id_place = next(column.place for column in self._columns if column.field == "id")
        if errors:
            raise FileRefused(errors)

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
