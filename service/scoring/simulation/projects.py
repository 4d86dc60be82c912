"""Simulated projects (重大事项): decisions that stir up matters, more of them where legal steps were left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import NAMESPACE_URL, UUID, uuid5

from service.domain.matters import ProjectSnapshot
from service.domain.projects import ProjectStage
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.simulation.process import poisson
from service.scoring.simulation.wording import ProjectSort, Vocabulary


@dataclass(frozen=True, slots=True)
class SimulatedProject:
    """`missing_legal_steps` is true; the service knows it only if `checked`. `matters`: category and share."""

    id: UUID
    kind: str
    area: str
    taken_up: datetime
    carried_out: datetime
    completed: datetime
    assessed: bool
    missing_legal_steps: int
    checked: bool
    matters: tuple[tuple[str, float], ...]

    def stage_at(self, at: datetime) -> ProjectStage:
        if at < self.carried_out:
            return ProjectStage.PRE_DECISION
        return ProjectStage.IMPLEMENTING if at < self.completed else ProjectStage.COMPLETED

    def snapshot(self, at: datetime) -> ProjectSnapshot:
        """What the service knows of it at `at`."""
        return ProjectSnapshot(self.kind, self.stage_at(at), self.missing_legal_steps if self.checked else None)

    def matters_a_day(self, at: datetime, p: SimulationParameters) -> float:
        """New matters a day."""
        stage = self.stage_at(at)
        if at < self.taken_up or stage is ProjectStage.COMPLETED:
            return 0.0
        rate = p.project_matters * (1.0 + p.project_matters_step * self.missing_legal_steps)
        rate *= p.project_matters_assessed if self.assessed else 1.0
        return rate * (p.project_matters_planned if stage is ProjectStage.PRE_DECISION else 1.0)

    def strain(self, at: datetime, p: SimulationParameters) -> float:
        """What it adds to the log grievance of a matter that is born of it at `at`."""
        carried_out = p.strain_carried_out if self.stage_at(at) is ProjectStage.IMPLEMENTING else 0.0
        return carried_out + p.strain_step * self.missing_legal_steps + (p.strain_assessed if self.assessed else 0.0)

    def pressure(self, p: SimulationParameters) -> float:
        """Times the growth of unanswered grievance."""
        return 1.0 + p.pressure_step * self.missing_legal_steps


def projects(
    p: SimulationParameters, words: Vocabulary, seed: int, areas: list[str], span: tuple[datetime, datetime]
) -> Iterator[SimulatedProject]:
    """The projects taken up before the end of `span`, those included that were under way at its start."""
    start, end = span
    day = start - timedelta(days=p.project_decided_days[1] + p.project_built_days[1])
    while day < end:
        dice = Random(f"{seed}:{p.county}:projects:{day.date()}")
        for number in range(poisson(p.new_projects, dice)):
            (sort,) = dice.choices(words.projects, [sort.weight for sort in words.projects])
            id_ = uuid5(NAMESPACE_URL, f"weiyu-simulated-project:{seed}:{p.county}:{day.date()}:{number}")
            yield _project(sort, id_, dice.choice(areas), day, (p, dice))
        day += timedelta(days=1)


def _project(
    sort: ProjectSort, id_: UUID, area: str, day: datetime, how: tuple[SimulationParameters, Random]
) -> SimulatedProject:
    p, dice = how
    carried_out = day + timedelta(days=dice.randint(*p.project_decided_days))
    assessed = dice.random() < p.project_assessed_share
    missing = p.step_missing_assessed if assessed else p.step_missing
    return SimulatedProject(
        id=id_,
        kind=sort.kind,
        area=area,
        taken_up=day,
        carried_out=carried_out,
        completed=carried_out + timedelta(days=dice.randint(*p.project_built_days)),
        assessed=assessed,
        missing_legal_steps=sum(dice.random() < missing for _ in range(p.project_legal_steps)),
        checked=dice.random() < p.project_checked_share,
        matters=sort.matters,
    )
