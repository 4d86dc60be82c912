"""What matchers see of a warning: a few words by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.domain.areas import prefix_of
from service.domain.levels import Level
from service.domain.warnings import Warning
from service.domain.words import SubjectKind

# Every label there is, with its meaning; a matcher that names another is refused where people write it.
MEANINGS = {
    "level": "级别：blue yellow orange red",
    "级别": "级别的中文：蓝 黄 橙 红",
    "area": "区划代码 12 位",
    "county": "县区代码 6 位；更大的区域没有",
    "township": "乡镇街道代码 9 位；更大的区域没有",
    "category": "事项类别代码",
    "first_level": "一级类别代码",
    "subject_kind": "对象：matter project area",
    "subject": "对象及其编号：种类/编号",
    "kind": "预警的种类：surge 为集中爆发，together 为碰头叠加，其余为空",
    "source": "报告来源，多个以逗号相连，按字母序",
    "signals": "信号，多个以逗号相连，按字母序",
    "restricted": "限制知会范围的为 true，否则为空",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What routing may ask about a warning. `sources` and `signals` are those of its matter, empty for others."""

    level: Level
    area: str
    category: str
    first_level: str
    subject_kind: SubjectKind = SubjectKind.MATTER
    subject_id: str = ""
    restricted: bool = False
    sources: frozenset[str] = frozenset()
    signals: frozenset[str] = frozenset()

    @property
    def labels(self) -> dict[str, str]:
        """The labels that are there; one that is not there is missing, which matches as empty."""
        prefix = prefix_of(self.area)
        found = {
            "level": self.level.value,
            "级别": self.level.zh,
            "area": self.area,
            "county": prefix[:6] if len(prefix) >= 6 else "",
            "township": prefix[:9] if len(prefix) >= 9 else "",
            "category": self.category,
            "first_level": self.first_level,
            "subject_kind": self.subject_kind.value,
            "subject": f"{self.subject_kind.value}/{self.subject_id}" if self.subject_id else "",
            "kind": self.subject_id.split("/")[1]
            if self.subject_kind is SubjectKind.AREA and "/" in self.subject_id
            else "",
            "source": ",".join(sorted(self.sources)),
            "signals": ",".join(sorted(self.signals)),
            "restricted": "true" if self.restricted else "",
        }
        return {name: value for name, value in found.items() if value}


def told_of(warning: Warning, first_level: str, sources: Iterable[str] = (), signals: Iterable[str] = ()) -> Told:
    """What routing may ask about this warning."""
    return Told(
        warning.level, warning.area, warning.category, first_level, warning.subject_kind, warning.subject_id,
        warning.restricted, frozenset(sources), frozenset(signals),
    )  # fmt: skip
