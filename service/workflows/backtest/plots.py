"""The plots of a backtest as SVG: drawn here, no script, no address. Sizes are in units of the drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 520, 320
LEFT, RIGHT, TOP, FOOT = 58, 16, 14, 52
SHADES = ("#1f5fa8", "#c2571a", "#2f7d4f", "#7a4fa3", "#767676")
TICKS = 5
ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)  # steps of an axis, times a power of ten


@dataclass(frozen=True, slots=True)
class Line:
    """A named run of points (x, y), drawn in order; `dotted` for what is only there to compare with."""

    name: str
    points: Sequence[tuple[float, float]]
    dotted: bool = False
    dots: bool = True


def reach(most: float) -> float:
    """The end of an axis for values up to `most`, so that its ticks are round numbers."""
    step = (most or 1.0) / TICKS
    size = 10.0 ** floor(log10(step))
    return TICKS * size * next(one for one in ROUND if one * size >= step * 0.999)


@dataclass(frozen=True, slots=True)
class Axes:
    """What the axes mean and how far they reach; both begin at zero."""

    x: str
    y: str
    width: float
    height: float
    percent: tuple[bool, bool] = (False, False)


def lines_svg(caption: str, axes: Axes, lines: Sequence[Line]) -> str:
    """Lines with dots on common axes, named below."""
    parts = [*_axes(axes)]
    for n, line in enumerate(lines):
        parts += _line(line, axes, SHADES[n % len(SHADES)])
    return _figure(caption, parts, [(one.name, SHADES[n % len(SHADES)]) for n, one in enumerate(lines)])


def bars_svg(caption: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], y: str) -> str:
    """Groups of bars side by side, their values above them."""
    most = max((value for _, values in series for value in values), default=0)
    axes = Axes("", y, 1, reach(most * 1.05))
    parts = [*_axes(axes, across=False)]
    room = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    for place, label in enumerate(labels):
        middle = LEFT + room * (place + 0.5)
        parts.append(_text(middle, HEIGHT - FOOT + 17, label, "middle"))
        parts += _bars(middle, room, [values[place] for _, values in series], axes)
    return _figure(caption, parts, [(name, SHADES[n]) for n, (name, _) in enumerate(series)] if len(series) > 1 else [])


def _bars(middle: float, room: float, values: Sequence[float], axes: Axes) -> Iterator[str]:
    thick = room * 0.7 / len(values)
    for n, value in enumerate(values):
        x, top = middle - room * 0.35 + n * thick, _y(value, axes)
        size = f'width="{thick:.1f}" height="{HEIGHT - FOOT - top:.1f}"'
        yield f'<rect x="{x:.1f}" y="{top:.1f}" {size} fill="{SHADES[n]}"/>'
        if value:
            yield _text(x + thick / 2, top - 4, f"{value:g}", "middle", 11)


def _line(line: Line, axes: Axes, shade: str) -> Iterator[str]:
    places = [(_x(x, axes), _y(y, axes)) for x, y in line.points]
    dash = ' stroke-dasharray="4 4"' if line.dotted else ""
    run = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{run}" fill="none" stroke="{shade}" stroke-width="2"{dash}/>'
    if line.dots and not line.dotted:
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{shade}"/>' for x, y in places)


def _axes(axes: Axes, across: bool = True) -> Iterator[str]:
    for n in range(TICKS + 1):
        value = axes.height * n / TICKS
        y = _y(value, axes)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>'
        yield _text(LEFT - 6, y + 4, _said(value, axes.percent[1]), "end")
        if across:
            value = axes.width * n / TICKS
            yield _text(_x(value, axes), HEIGHT - FOOT + 17, _said(value, axes.percent[0]), "middle")
    yield f'<path d="M{LEFT},{TOP} V{HEIGHT - FOOT} H{WIDTH - RIGHT}" fill="none" stroke="#333"/>'
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - FOOT + 36, axes.x, "middle")
    middle = (TOP + HEIGHT - FOOT) / 2
    turned = f'transform="rotate(-90 14 {middle})"'
    yield f'<text x="14" y="{middle}" font-size="13" text-anchor="middle" {turned}>{escape(axes.y)}</text>'


def _figure(caption: str, parts: Sequence[str], names: Sequence[tuple[str, str]]) -> str:
    legend = "".join(f'<span><i style="background:{shade}"></i>{escape(name)}</span>' for name, shade in names)
    return (
        f'<figure><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(caption)}</title>{''.join(parts)}</svg>"
        f"<p class='legend'>{legend}</p><figcaption>{escape(caption)}</figcaption></figure>"
    )


def _text(x: float, y: float, text: str, anchor: str, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def _said(value: float, percent: bool) -> str:
    return f"{value:.0%}" if percent else f"{value:.3g}"


def _x(value: float, axes: Axes) -> float:
    return LEFT + value / axes.width * (WIDTH - LEFT - RIGHT)


def _y(value: float, axes: Axes) -> float:
    return HEIGHT - FOOT - value / axes.height * (HEIGHT - FOOT - TOP)
