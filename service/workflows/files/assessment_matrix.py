"""The factors of an assessment in the field of their bands of p and q."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.rules.method.cuts import Band
from service.rules.method.factors import product
from service.rules.method.preset import MethodPreset
from service.workflows.files.assessment_subject import CHANGED_METHOD, Reported
from service.workflows.files.report_document import Bars, Block, Cell, Matrix, Point, nothing, told

Row = Mapping[str, Any]
MOST_BARS = 20


def matrix(told_of: Reported, scores: Sequence[Row], caption: str) -> Block:
    """Each field is shaded by the class of its bands' middles; a factor near a border may have another class itself,
    which the table above says. Factors go by their numbers in the tables."""
    preset = told_of.preset
    if preset is None:
        return nothing(CHANGED_METHOD)
    if not scores:
        return nothing("没有可列入矩阵的风险因素。")
    rows, columns = tuple(reversed(preset.probability.bands)), preset.impact.bands
    points = tuple(Point(told_of.place(one), told(one["name"]), one["q"], one["p"]) for one in scores)
    cells = tuple(tuple(_cell(preset, row, column, points) for column in columns) for row in rows)
    edges = [tuple(band.high for band in bands) for bands in (rows, columns)]
    return Matrix(caption, tuple(map(_band, rows)), tuple(map(_band, columns)), cells, edges[0], edges[1], points)


def compared(told_of: Reported, before: Sequence[Row], after: Sequence[Row]) -> Block:
    """R before and after the measures, the gravest first."""
    was = {one["factor_id"]: one["r"] for one in before}
    gravest = sorted(after, key=lambda one: -max(one["r"], was.get(one["factor_id"], 0)))[:MOST_BARS]
    if not gravest:
        return nothing("没有可以对照的风险因素。")
    left_out = f"（最高的 {MOST_BARS} 项）" if len(after) > MOST_BARS else ""
    return Bars(
        f"措施前后单因素风险 R 对照{left_out}",
        tuple(f"{told_of.place(one)} {told(one['name'])}" for one in gravest),
        (
            ("措施前 R", tuple(was.get(one["factor_id"]) for one in gravest)),
            ("措施后 R", tuple(one["r"] for one in gravest)),
        ),
    )


def _cell(preset: MethodPreset, row: Band, column: Band, points: Sequence[Point]) -> Cell:
    p, q = preset.probability, preset.impact
    inside = [
        f"{one.number}" for one in points if p.bands[p.level(one.y)] is row and q.bands[q.level(one.x)] is column
    ]  # fmt: skip
    risk = preset.classes.risk(product(row.mid, column.mid))
    return Cell(risk, "\n".join([risk.zh, *(["、".join(inside)] if inside else [])]))


def _band(band: Band) -> str:
    return f"{band.name}\n{band.low:g}–{band.high:g}"
