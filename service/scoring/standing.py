"""Whether a model may go on judging: what was seen of it against the limits in force. Pure; texts are Chinese."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from service.scoring.definitions import FEATURES, GROUPS
from service.scoring.drift import CATEGORY, SCORE, Moved

BY_CHANCE_WARN, BY_CHANCE_LIMIT = 2.0, 3.0  # standard deviations beyond which a gap is no chance
# Shown, never acted on: what all matters of a place or a season share moves with it, as it is meant to. A surge of
# reports has its own limit, and the season its own table; PSI takes each score for a draw of its own.
SHARED = frozenset(feature.name for feature in FEATURES if feature.group in ("history", "season"))
_GROUP = {feature.name: GROUPS[feature.group].title for feature in FEATURES}


class Standing(StrEnum):
    """What follows from what was noticed."""

    SOUND = "sound"  # 正常
    WARNED = "warned"  # 已提醒
    HANDED_TO_RULES = "handed_to_rules"  # 交回规则研判


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers in force on a day, each named as in thresholds.yaml behind `model.`."""

    drift_least_scores: float
    psi_warn: float
    psi_limit: float
    missing_warn: float
    volume_low: float
    volume_high: float
    calibration_least: float
    calibration_warn: float
    calibration_limit: float
    stale_warn_days: float
    stale_limit_days: float

    @classmethod
    def read(cls, value: Callable[[str], float]) -> Limits:
        """`value` gives the number of a threshold by its name."""
        return cls(**{name: value(f"model.{name}") for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Calibration:
    """Settled forecasts: how many, the sum of what was said, how many came, and the variance chance would give."""

    forecasts: int
    expected: float
    came: int
    variance: float

    @property
    def ratio(self) -> float | None:
        """Came against expected; None when nothing was expected."""
        return self.came / self.expected if self.expected > 0 else None

    @property
    def deviations(self) -> float:
        """The gap in standard deviations."""
        return (self.came - self.expected) / sqrt(self.variance) if self.variance > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Volume:
    """Reports of the last week and of a usual week, the mean of those before."""

    last: int
    usual: float

    @property
    def ratio(self) -> float:
        return self.last / self.usual

    @property
    def is_chance(self) -> bool:
        """Whether so many reports may come in a usual week; reports come in bursts, so the wider bound is taken."""
        return abs(self.last - self.usual) < BY_CHANCE_LIMIT * sqrt(self.usual)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one model. `inputs` is empty while there is no reference; `used` are those its score rests on.

    `volume` None: there were weeks without reports.
    """

    scores: int
    used: frozenset[str]
    inputs: Mapping[str, Moved]
    renamed: tuple[str, ...]
    volume: Volume | None
    calibration: Calibration
    age_days: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """One thing past a limit. `code` stays the same from day to day; `grave` is past the limit that ends judging."""

    code: str
    value: float
    limit: float
    grave: bool
    text: str


def noticed(seen: Seen, limits: Limits) -> list[Noticed]:
    """Everything past a limit, the grave ones first."""
    found = [*_moved(seen, limits), *_renamed(seen), *_volume(seen, limits), *_calibration(seen, limits)]
    found += _stale(seen, limits)
    return sorted(found, key=lambda one: (not one.grave, one.code))


def _moved(seen: Seen, limits: Limits) -> Iterator[Noticed]:
    if seen.scores < limits.drift_least_scores:
        return
    for name, one in seen.inputs.items():
        if one.psi >= limits.psi_warn and name not in SHARED:
            # No score rests on the mix of categories, which turns with the seasons (heating, wages): it ends nothing.
            grave = one.psi >= limits.psi_limit and (name == SCORE or name in seen.used)
            limit = limits.psi_limit if grave else limits.psi_warn
            yield Noticed(f"psi.{name}", one.psi, limit, grave, f"{said(name)}的分布偏离参照，PSI {one.psi:.2f}")
        more = one.missing - one.missing_before
        if more >= limits.missing_warn and name != CATEGORY:
            text = f"{said(name)}缺失的比例由 {one.missing_before:.0%} 升到 {one.missing:.0%}"
            yield Noticed(f"missing.{name}", more, limits.missing_warn, False, text)


def _renamed(seen: Seen) -> Iterator[Noticed]:
    for code in seen.renamed:
        text = f"类别 {code} 几乎不再出现，而另一类别相应增多，可能改了名称；当地同类历史因此失去意义"
        yield Noticed(f"renamed.{code}", 0.0, 0.0, True, text)


def _volume(seen: Seen, limits: Limits) -> Iterator[Noticed]:
    if seen.volume is None or seen.volume.is_chance:
        return
    ratio = seen.volume.ratio
    limit = limits.volume_low if ratio < 1 else limits.volume_high
    if ratio <= limit if ratio < 1 else ratio >= limit:
        text = f"近一周报告 {seen.volume.last} 件，是此前四周每周平均的 {ratio:.2f} 倍"
        yield Noticed("volume", ratio, limit, False, text)


def _calibration(seen: Seen, limits: Limits) -> Iterator[Noticed]:
    one = seen.calibration
    if one.forecasts < limits.calibration_least or one.ratio is None:
        return
    apart, by = max(one.ratio, 1 / one.ratio) if one.ratio else float("inf"), abs(one.deviations)
    grave = apart >= limits.calibration_limit and by >= BY_CHANCE_LIMIT
    if grave or (apart >= limits.calibration_warn and by >= BY_CHANCE_WARN):
        limit = limits.calibration_limit if grave else limits.calibration_warn
        text = f"{one.forecasts} 件已见分晓的预测，预计升级 {one.expected:.1f} 件，实际 {one.came} 件"
        yield Noticed("calibration", one.ratio, limit, grave, text)


def _stale(seen: Seen, limits: Limits) -> Iterator[Noticed]:
    grave = seen.age_days >= limits.stale_limit_days
    if seen.age_days >= limits.stale_warn_days:
        limit = limits.stale_limit_days if grave else limits.stale_warn_days
        text = f"模型所学数据的最后一天已过去 {seen.age_days} 天"
        yield Noticed("stale", float(seen.age_days), limit, grave, text)


def said(name: str) -> str:
    """An input's name for people."""
    return {SCORE: "评分", CATEGORY: "类别构成"}.get(name) or f"“{_GROUP[name]}”（{name}）"
