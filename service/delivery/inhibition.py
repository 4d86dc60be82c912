"""Inhibition: while something louder is open at a place, lesser pushes there are held back. Pure, as Alertmanager's.

A missing label is an empty one: two warnings that both lack a label agree in it. What matches both sides of a rule is
not inhibited by another that matches both. Red is never inhibited, whatever a rule says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.delivery.matchers import Labels, Matcher, all_match, matcher
from service.domain.levels import Level


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an open warning matches `source`, one that matches `target` and agrees in `equal` is held back."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loud:
    """An open warning that may hold others back: its id and headline for the reason, its labels for the rule."""

    id: str
    headline: str
    labels: Labels

    @property
    def named(self) -> str:
        """As whoever sees what it holds back may read it: of a restricted one only the id, which shows nothing."""
        return self.id if self.labels.get("restricted") else f"“{self.headline}”（{self.id}）"


# 本项目约定: red holds back lower levels of the same place and kind of matter; files may say otherwise.
RED_OVER_LOWER = Inhibition(
    (matcher("level", "=", Level.RED),), (matcher("level", "!=", Level.RED),), ("area", "category")
)


def inhibited_by(
    labels: Labels, rules: Iterable[Inhibition], open_now: Sequence[Loud], own_id: str = ""
) -> Loud | None:
    """The open warning that holds this one back, or None. A warning never holds itself back."""
    if labels.get("level") == Level.RED:
        return None
    for rule in rules:
        if not all_match(rule.target, labels):
            continue
        matches_both = all_match(rule.source, labels)
        for one in open_now:
            if one.id != own_id and _holds(rule, one.labels, labels, matches_both):
                return one
    return None


def _holds(rule: Inhibition, source: Labels, labels: Labels, matches_both: bool) -> bool:
    if not all_match(rule.source, source) or (matches_both and all_match(rule.target, source)):
        return False
    return all(source.get(name, "") == labels.get(name, "") for name in rule.equal)
