"""The whole answer of one assessment: before and after, the four tests, what is missing, what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.assessing import CriterionResult, Graded
from service.rules.method.completeness import Completeness, completeness
from service.rules.method.criteria import four_tests
from service.rules.method.given import Given
from service.rules.method.measures import HeldBack, before_and_after
from service.rules.method.opposition import Doubt, survey_doubts
from service.rules.method.preset import MethodPreset


@dataclass(frozen=True, slots=True)
class Assessed:
    """Everything that one set of values says. The four tests and what is missing are of the state before measures."""

    before: Graded
    after: Graded
    held_back: tuple[HeldBack, ...]
    criteria: tuple[CriterionResult, ...]
    completeness: Completeness
    doubts: tuple[Doubt, ...]


def assess(preset: MethodPreset, given: Given) -> Assessed:
    """Raises MethodError for what cannot be used."""
    both = before_and_after(preset, given)
    return Assessed(
        before=both.before,
        after=both.after,
        held_back=both.held_back,
        criteria=four_tests(preset, given, both.before),
        completeness=completeness(preset, given),
        doubts=survey_doubts(preset, given.survey),
    )
