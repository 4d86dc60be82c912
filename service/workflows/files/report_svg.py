"""The figures of a report as SVG: the field of p × q with its factors, and pairs of bars. No script, no address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from service.workflows.files.report_document import BAR_SHADES, SHADES, Bars, Matrix, Point, printable

SIDE, LEFT, TOP, FOOT = 420, 120, 12, 64  # of the square of p × q, and what stands around it, in units of the drawing
WIDTH, NAMES, ROW, THICK = 760, 260, 46, 15  # of bars: all, room for names, one pair, one bar
NAME_CHARACTERS = 15  # of a line of a name beside its bars
SCALE = (0, 0.2, 0.4, 0.6, 0.8, 1)


def matrix_svg(block: Matrix) -> str:
    """Drawn to scale: a field is as wide as its band, a dot stands where the factor's p and q are."""
    told = "；".join(f"{one.number} {one.name}：p＝{one.y:g}，q＝{one.x:g}" for one in block.points) or "没有风险因素"
    parts = [*_fields(block), *_dots(block.points), *_axes()]
    size = (LEFT + SIDE + 20, TOP + SIDE + FOOT)
    return _svg(size, block.caption, told, parts)


def bars_svg(block: Bars) -> str:
    """Two bars for each name, their values at their ends."""
    height = len(block.names) * ROW + 56
    told = "；".join(
        f"{name}：" + "，".join(f"{series} {_value(values[n])}" for series, values in block.series)
        for n, name in enumerate(block.names)
    )
    return _svg((WIDTH, height), block.caption, told, [*_scale(height), *_pairs(block), *_legend(block, height)])


def _svg(size: tuple[float, float], caption: str, told: str, parts: Sequence[str]) -> str:
    width, height = size
    return (
        f'<figure><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'style="max-width:{width}px"><title>{_text(caption)}</title><desc>{_text(told)}</desc>{"".join(parts)}</svg>'
        f"<figcaption>{_text(caption)}</figcaption></figure>"
    )


def _fields(block: Matrix) -> Iterator[str]:
    bottoms = [*block.row_edges[1:], 0.0]
    lefts = [0.0, *block.column_edges[:-1]]
    for top, bottom, name, cells in zip(block.row_edges, bottoms, block.rows, block.cells, strict=True):
        yield _words(LEFT - 10, (_y(top) + _y(bottom)) / 2, name.split("\n"), "end")
        for left, right, cell in zip(lefts, block.column_edges, cells, strict=True):
            x, y = _x(left), _y(top)
            yield (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{_x(right) - x:.1f}" height="{_y(bottom) - y:.1f}" '
                f'fill="#{SHADES[cell.risk]}" stroke="#fff"/>'
            )
            yield f'<text x="{x + 6:.1f}" y="{y + 17:.1f}" font-size="12" fill="#444">{_text(_class(cell.text))}</text>'
    for left, right, name in zip(lefts, block.column_edges, block.columns, strict=True):
        yield _words((_x(left) + _x(right)) / 2, TOP + SIDE + 22, name.split("\n"), "middle")


def _dots(points: Sequence[Point]) -> Iterator[str]:
    """Factors at one place share a dot."""
    placed = sorted(points, key=lambda one: (one.x, one.y, one.number))
    for (x, y), here in groupby(placed, key=lambda one: (one.x, one.y)):
        numbers = "、".join(f"{one.number}" for one in here)
        yield f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="5" fill="#1f2d3d" stroke="#fff"/>'
        anchor, aside = ("end", -9) if x > 0.85 else ("start", 9)
        yield (
            f'<text x="{_x(x) + aside:.1f}" y="{_y(y) + 5:.1f}" font-size="15" font-weight="bold" '
            f'text-anchor="{anchor}">{numbers}</text>'
        )


def _axes() -> Iterator[str]:
    yield f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#333"/>'
    yield _words(LEFT + SIDE / 2, TOP + SIDE + FOOT - 6, ["影响程度 q"], "middle")
    middle = TOP + SIDE / 2
    yield (
        f'<text x="16" y="{middle}" font-size="13" text-anchor="middle" transform="rotate(-90 16 {middle})">'
        "发生概率 p</text>"
    )


def _scale(height: int) -> Iterator[str]:
    for value in SCALE:
        x = _along(value)
        yield f'<line x1="{x:.1f}" y1="6" x2="{x:.1f}" y2="{height - 46}" stroke="#ddd"/>'
        yield _words(x, height - 30, [f"{value:g}"], "middle")


def _pairs(block: Bars) -> Iterator[str]:
    for n, name in enumerate(block.names):
        top = 8 + n * ROW
        yield _words(NAMES - 12, top + THICK, _lines(name), "end")
        for place, (shade, (_, values)) in enumerate(zip(BAR_SHADES, block.series, strict=True)):
            y, value = top + place * (THICK + 2), values[n]
            width = _along(value or 0) - NAMES
            yield f'<rect x="{NAMES}" y="{y}" width="{width:.1f}" height="{THICK}" fill="#{shade}"/>'
            yield f'<text x="{NAMES + width + 5:.1f}" y="{y + 12}" font-size="12">{_value(value)}</text>'


def _legend(block: Bars, height: int) -> Iterator[str]:
    for place, (shade, (name, _)) in enumerate(zip(BAR_SHADES, block.series, strict=True)):
        x = NAMES + 120 * place
        yield f'<rect x="{x}" y="{height - 18}" width="12" height="12" fill="#{shade}"/>'
        yield f'<text x="{x + 18}" y="{height - 7}" font-size="13">{_text(name)}</text>'


def _words(x: float, y: float, lines: Sequence[str], anchor: str) -> str:
    first = y - 8 * (len(lines) - 1) + 4
    return "".join(
        f'<text x="{x:.1f}" y="{first + 16 * n:.1f}" font-size="13" text-anchor="{anchor}">{_text(line)}</text>'
        for n, line in enumerate(lines)
    )


def _lines(name: str) -> list[str]:
    """At most two lines; Chinese breaks anywhere."""
    lines = [name[at : at + NAME_CHARACTERS] for at in range(0, len(name), NAME_CHARACTERS)]
    return lines if len(lines) < 3 else [lines[0], lines[1][:-1] + "…"]


def _class(text: str) -> str:
    return text.partition("\n")[0]


def _value(value: float | None) -> str:
    return "未填" if value is None else f"{value:.4g}"


def _along(value: float) -> float:
    return NAMES + value * (WIDTH - NAMES - 50)


def _x(value: float) -> float:
    return LEFT + value * SIDE


def _y(value: float) -> float:
    return TOP + (1 - value) * SIDE


def _text(text: str) -> str:
    return escape(printable(text))
