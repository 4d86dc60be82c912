"""A simulated district: reports in the order they are received, and the truth behind them. Everything is invented.

The same parameters, seed and start give the same district to the last character, and a longer run begins with the
shorter one: what a matter did cannot depend on what came later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import exp
from random import Random
from typing import Any

from service.scoring.seasons import in_long_holiday, in_wage_season
from service.scoring.simulation.life import Birth, Lived, MatterTruth, SimulatedReply, SimulatedReport, live
from service.scoring.simulation.parameters import SimulationParameters
from service.scoring.simulation.process import STEP, poisson
from service.scoring.simulation.projects import SimulatedProject, projects
from service.scoring.simulation.wording import Kind, Vocabulary, load_vocabulary


@dataclass(frozen=True, slots=True)
class SimulatedDepartment:
    """A department, the categories (first or second level) it answers for, and its hidden answers per working day."""

    name: str
    categories: tuple[str, ...]
    answer_rate: float


@dataclass(frozen=True, slots=True)
class SimulatedDistrict:
    """What `simulate` gives. `areas`: code and name, the county first. `stream` and `replies` are in order of time."""

    parameters: SimulationParameters
    seed: int
    start: datetime
    end: datetime
    areas: tuple[tuple[str, str], ...]
    departments: tuple[SimulatedDepartment, ...]
    stream: tuple[SimulatedReport, ...]
    replies: tuple[SimulatedReply, ...]
    truth: dict[str, MatterTruth]
    projects: tuple[SimulatedProject, ...]

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The bodies alone, each valid for IncidentReport, in the order they are received."""
        return [report.body for report in self.stream]


def simulate(parameters: SimulationParameters, seed: int, start: datetime, days: int) -> SimulatedDistrict:
    """Simulate `days` days from the midnight of `start` (which must carry an offset). About 2 ms a day."""
    words = load_vocabulary()
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight + timedelta(days=days)
    district = _ground(parameters, words, seed, midnight, end)
    lives = [live(birth, words, parameters, end) for birth in _births(district, words)]
    return _gathered(district, lives)


def department_for(category: str, departments: tuple[SimulatedDepartment, ...]) -> SimulatedDepartment:
    """Who answers for a category: the department that names it, else the one that names its first level."""
    wanted = (category, category.split(".")[0])
    return next(d for code in wanted for d in departments if code in d.categories)


def _ground(p: SimulationParameters, words: Vocabulary, seed: int, start: datetime, end: datetime) -> SimulatedDistrict:
    dice = Random(f"{seed}:{p.county}:departments")
    spread = [exp(dice.gauss(0.0, p.answer_rate_spread)) for _ in words.departments]
    prefix = p.name.removesuffix("（虚构）")
    departments = tuple(
        SimulatedDepartment(prefix + name, categories, p.answer_rate * factor)
        for (name, categories), factor in zip(words.departments, spread, strict=True)
    )
    areas = tuple(_areas(p, words))
    communities = [code for code, _ in areas if not code.endswith("000")]
    begun = tuple(projects(p, words, seed, communities, (start, end)))
    return SimulatedDistrict(p, seed, start, end, areas, departments, (), (), {}, begun)


def _areas(p: SimulationParameters, words: Vocabulary) -> Iterator[tuple[str, str]]:
    yield p.county + "000000", p.name
    for town, town_name in enumerate(words.towns, start=1):
        yield f"{p.county}{town:03d}000", town_name
        for place, name in enumerate(words.communities, start=1):
            yield f"{p.county}{town:03d}{place:03d}", town_name + name


def _births(district: SimulatedDistrict, words: Vocabulary) -> Iterator[Birth]:
    p, day, ground = district.parameters, district.start, _Ground(district, words)
    while day < district.end:
        dice = Random(f"{district.seed}:{p.county}:{day.date()}")
        yield from [_birth(ground, kind, None, (day, dice)) for kind in _kinds_of_day(day, p, words, dice)]
        for project in district.projects:
            for kind in _kinds_of_project(project, day, (p, words), dice):
                yield _birth(ground, kind, project, (day, dice))
        day += timedelta(days=1)


@dataclass(slots=True)
class _Ground:
    """What new matters grow on: the district, its communities, its unrest, and the names already given."""

    district: SimulatedDistrict
    words: Vocabulary
    number: int = 0
    used: set[str] = field(default_factory=set)
    communities: dict[str, str] = field(init=False)
    codes: list[str] = field(init=False)
    unrest: float = field(init=False)

    def __post_init__(self) -> None:
        p = self.district.parameters
        self.communities = {code: name for code, name in self.district.areas if not code.endswith("000")}
        self.codes = list(self.communities)
        self.unrest = Random(f"{self.district.seed}:{p.county}:unrest").gauss(0.0, p.district_spread)


def _kinds_of_day(day: datetime, p: SimulationParameters, words: Vocabulary, dice: Random) -> Iterator[Kind]:
    season = in_wage_season(day) is True
    labour = p.season_arrivals if season else 1.0
    weights = [kind.weight * (labour if kind.code.startswith("labour") else 1.0) for kind in words.kinds]
    more = sum(weights) / sum(kind.weight for kind in words.kinds)
    closed = day.weekday() >= 5 or in_long_holiday(day) is True
    rate = p.new_matters * more * (p.weekend_share if closed else 1.0)
    yield from dice.choices(words.kinds, weights, k=poisson(rate, dice))
    if (day + timedelta(days=2)).month != day.month:
        yield from [words.artefact] * poisson(p.artefacts_month_end, dice)


def _kinds_of_project(
    project: SimulatedProject, day: datetime, how: tuple[SimulationParameters, Vocabulary], dice: Random
) -> Iterator[Kind]:
    p, words = how
    rate = project.matters_a_day(day, p)
    if not rate:
        return
    for _ in range(poisson(rate, dice)):
        (code,) = dice.choices([code for code, _ in project.matters], [share for _, share in project.matters])
        yield next(kind for kind in words.kinds if kind.code == code)


def _birth(ground: _Ground, kind: Kind, project: SimulatedProject | None, when: tuple[datetime, Random]) -> Birth:
    """One new matter: where, whose, and whether it is a trifle."""
    (day, dice), district, words = when, ground.district, ground.words
    ground.number += 1
    key = f"sim-{district.parameters.county}-{ground.number:05d}"
    area = project.area if project else dice.choice(ground.codes)
    department = department_for(kind.code, district.departments)
    return Birth(
        key=key,
        kind=kind,
        subject=words.subject(kind.subject, ground.used, dice),
        area=area,
        area_name=ground.communities[area],
        department=department.name,
        answer_rate=department.answer_rate,
        unrest=ground.unrest,
        trivial=kind is words.artefact or (project is None and dice.random() < district.parameters.trivial_share),
        first_step=day + STEP * dice.randrange(2),
        seed=f"{district.seed}:{key}",
        project=project,
    )


def _gathered(district: SimulatedDistrict, lives: list[Lived]) -> SimulatedDistrict:
    reports = [report for reports, _, _ in lives for report in reports if report.received_at < district.end]
    replies = [reply for _, replies, _ in lives for reply in replies if reply.at < district.end]
    return replace(
        district,
        stream=tuple(sorted(reports, key=lambda report: (report.received_at, report.body["id"]))),
        replies=tuple(sorted(replies, key=lambda reply: (reply.at, reply.matter))),
        truth={truth.key: truth for _, _, truth in lives},
    )
