"""Facts in, findings out. Pure: the day is an argument, nothing is stored or sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from service.domain.judging import Answer, Finding
from service.rules.rulebook import Rulebook

Facts = Mapping[str, Any]


def evaluate(rulebook: Rulebook, facts: Facts, area: str, on: date) -> tuple[Finding, ...]:
    """The answer of every rule that applies in `area` (12 digits) on day `on`, in the order of the file.

    A fact that is absent, None or MISSING is not known. Facts nobody asks are ignored.
    Raises FactError when an asked fact has a value of another type.
    """
    values = rulebook.reader.read(facts)
    return tuple([rule.findings[rule.pick(values)] for rule in rulebook.active(area, on)])


def evaluate_many(rulebook: Rulebook, subjects: Iterable[tuple[Facts, str]], on: date) -> list[tuple[Finding, ...]]:
    """`evaluate` for a batch of (facts, area), in their order."""
    return [evaluate(rulebook, facts, area, on) for facts, area in subjects]


def completeness(findings: Iterable[Finding]) -> float | None:
    """The share of rules that could answer (0–1); None without rules."""
    answered = [finding.answer is not Answer.NOT_EVALUATED for finding in findings]
    return sum(answered) / len(answered) if answered else None
