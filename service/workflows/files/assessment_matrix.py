"""The factors of an assessment in the field of their bands of p and q."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.domain.assessing import RiskClass
from service.rules.method.cuts import Band
from service.rules.method.factors import product
from service.rules.method.preset import MethodPreset
from service.workflows.files.assessment_subject import CHANGED_METHOD, Reported, number
from service.workflows.files.report_document import Block, Cell, Matrix, nothing, told


def matrix(told_of: Reported, scores: Sequence[Mapping[str, Any]], caption: str) -> Block:
    """Each field is shaded by the class of its bands' middles; a factor near a border may have another class itself,
    so its own stands beside it."""
    preset = told_of.preset
    if preset is None:
        return nothing(CHANGED_METHOD)
    if not scores:
        return nothing("没有可列入矩阵的风险因素。")
    rows, columns = tuple(reversed(preset.probability.bands)), preset.impact.bands
    cells = tuple(tuple(_cell(preset, row, column, scores) for column in columns) for row in rows)
    return Matrix(caption, tuple(map(_band, rows)), tuple(map(_band, columns)), cells)


def _cell(preset: MethodPreset, row: Band, column: Band, scores: Sequence[Mapping[str, Any]]) -> Cell:
    p, q = preset.probability, preset.impact
    inside = [
        one for one in scores if p.bands[p.level(one["p"])] is row and q.bands[q.level(one["q"])] is column
    ]  # fmt: skip
    risk = preset.classes.risk(product(row.mid, column.mid))
    named = [f"{told(one['name'])}（R＝{number(one['r'])}，{RiskClass(one['risk']).zh}）" for one in inside]
    return Cell(risk, "\n".join([risk.zh, *named]))


def _band(band: Band) -> str:
    return f"{band.name}\n{band.low:g}–{band.high:g}"
