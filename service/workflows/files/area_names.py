"""Areas as files of other systems write them: shorter codes, names, names after the names of what they lie in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from service.domain.areas import Area, chain_of
from service.workflows.files.table_rows import Broken

CODE_LENGTHS = (2, 4, 6, 9, 12)
LONGEST_NAME = 100
MOST_REMEMBERED = 50_000  # answers kept; cells repeat, but a file may hold a different one in every row
_SEPARATORS = re.compile(r"[\s/>＞／]+")
_UNKNOWN = Broken(
    "unknown_area",
    "不是已知的区划：写 2、4、6、9 或 12 位区划代码，或区划名称；也可在映射文件 values.area 中写明对应。",
)


def full_code(text: str) -> str | None:
    """The 12-digit code for one of 2, 4, 6, 9 or 12 digits; None for anything else."""
    if text.isascii() and text.isdigit() and len(text) in CODE_LENGTHS:
        return text.ljust(12, "0")
    return None


class AreaNames:
    """Finds the one area that a code, a name, or a path of names such as A市A3区 means."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._names = {area.code: _plain(area.name) for area in areas}
        self._codes: dict[str, list[str]] = {}
        for code, name in self._names.items():
            self._codes.setdefault(name, []).append(code)
        self._known: dict[str, str | Broken] = {}

    def code_of(self, given: str) -> str | Broken:
        """The 12-digit code of the area meant, or why it is not clear. A code is taken as it is."""
        code = full_code(given)
        if code is not None:
            return code
        if given not in self._known:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[given] = self._find(_plain(given))
        return self._known[given]

    def _find(self, name: str) -> str | Broken:
        if len(name) > LONGEST_NAME:
            return _UNKNOWN
        ends = range(len(name))
        found = {
            code for start in ends for code in self._codes.get(name[start:], ()) if self._inside(code, name[:start])
        }
        if len(found) == 1:
            return found.pop()
        if found:
            return Broken("ambiguous_area", f"有 {len(found)} 个同名的区划，请在前面加上级名称，或改写区划代码。")
        return _UNKNOWN

    def _inside(self, code: str, before: str) -> bool:
        above = [self._names[outer] for outer in reversed(chain_of(code)[1:]) if outer in self._names]
        return _spells(before, above)


def _spells(text: str, names: Sequence[str]) -> bool:
    """Whether the text is some of the names, in their order, and nothing else."""
    if not text:
        return True
    return any(
        text.startswith(name) and _spells(text[len(name) :], names[place + 1 :]) for place, name in enumerate(names)
    )


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name)
