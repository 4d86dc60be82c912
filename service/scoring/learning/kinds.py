"""What kind of thing a column holds, told from the training rows alone."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from service.scoring.evaluate import Numbers
from service.scoring.learning.moments import day_of

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "--", "nat", "#n/a", "."})
NEARLY_ALL = 0.98  # of the known cells must read as the kind; what does not is then taken as missing
ID_SHARE = 0.95  # a word that hardly ever comes twice names a row and tells nothing
FEW_VALUES = 60  # a column with more different words is read word by word
_LEADING_ZERO = re.compile(r"-?0\d")
_WORDS = re.compile(r"[^\W_]{3,}|[\u4e00-\u9fff]{2}")
_HAN = re.compile(r"[\u4e00-\u9fff]+")


class Kind(StrEnum):
    """How a column is read."""

    NUMBER = "number"
    DATE = "date"
    CATEGORY = "category"
    LIST = "list"
    TEXT = "text"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Sorted:
    """The kind of a column, and why it is left out where it is."""

    kind: Kind
    why: str = ""


def missing(cell: str) -> bool:
    """Empty, or one of the usual ways to write that nothing is known."""
    return cell.strip().lower() in MISSING


def number_of(cell: str) -> float:
    """The number in a cell, NaN when it is missing, no number or not finite."""
    try:
        value = float(cell)
    except ValueError:
        return float("nan")
    return value if abs(value) < 1e300 else float("nan")


def each(cells: Sequence[str], value: Mapping[str, float]) -> Numbers:
    """[n] values of cells by their text."""
    return np.array([value[cell] for cell in cells], dtype=float)


def parts_of(cell: str) -> list[str]:
    """The members of a list: a JSON array, or words between ; or |."""
    text = cell.strip()
    if text.startswith("[") and text.endswith("]"):
        try:
            return [str(part).strip() for part in json.loads(text)]
        except (ValueError, RecursionError):
            text = text[1:-1].replace(",", ";")
    return [part for part in (piece.strip(" '\"") for piece in re.split(r"[;|；、]", text)) if part]


def words_of(cell: str) -> list[str]:
    """Words of three letters or more, and pairs of Chinese characters."""
    lowered = cell.lower()
    pairs = [run[place : place + 2] for run in _HAN.findall(lowered) for place in range(len(run) - 1)]
    return pairs + list(_WORDS.findall(_HAN.sub(" ", lowered)))


def kind_of(cells: Sequence[str]) -> Sorted:
    """The kind of a column from its training cells."""
    counts = Counter(cells)
    known = {cell: count for cell, count in counts.items() if not missing(cell)}
    if not known:
        return Sorted(Kind.IGNORED, "全部为空")
    if len(counts) == 1:
        return Sorted(Kind.IGNORED, "只有一个值")
    if _share(known, _is_number) >= NEARLY_ALL:
        return Sorted(Kind.NUMBER)
    if _share(known, _is_date) >= NEARLY_ALL:
        return Sorted(Kind.DATE)
    return _of_words(known)


def _of_words(known: Mapping[str, int]) -> Sorted:
    total = sum(known.values())
    if _is_list(known):
        return Sorted(Kind.LIST)
    several = sum(count for cell, count in known.items() if len(words_of(cell)) > 1)
    if len(known) > max(ID_SHARE * total, 20) and several < 0.5 * total:
        return Sorted(Kind.IGNORED, "几乎每行不同，视为编号")
    return Sorted(Kind.TEXT if len(known) > FEW_VALUES else Kind.CATEGORY)


def _share(known: Mapping[str, int], test: Callable[[str], bool]) -> float:
    return sum(count for cell, count in known.items() if test(cell)) / sum(known.values())


def _is_number(cell: str) -> bool:
    return not _LEADING_ZERO.match(cell.strip()) and not np.isnan(number_of(cell))


def _is_date(cell: str) -> bool:
    return day_of(cell) is not None


def _is_list(known: Mapping[str, int]) -> bool:
    """Several members in at least one known cell of twenty, and members that come again."""
    members = {cell: parts_of(cell) for cell in known}
    total = sum(known.values())
    bracketed = sum(count for cell, count in known.items() if cell.strip().startswith("["))
    several = sum(count for cell, count in known.items() if len(members[cell]) > 1)
    if bracketed < NEARLY_ALL * total and several < 0.05 * total:
        return False
    different = {part for parts in members.values() for part in parts}
    return 2 * len(different) <= sum(len(members[cell]) * count for cell, count in known.items())
