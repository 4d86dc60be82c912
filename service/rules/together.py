"""碰头叠加: projects and open matters that come together in one place within some days. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pydantic import BaseModel

from service.domain.areas import prefix_of
from service.domain.levels import Level, highest
from service.domain.projects import ProjectKind, Track
from service.rules.positions import Document, LoadFailure, hint, read_source
from service.rules.schema import Text
from service.rules.validation import Part, validated

COORDINATION_FILE = Path(__file__).with_name("together.yaml")
MOST_NAMED = 10  # projects named in one sentence


class CoordinationFileError(LoadFailure):
    """A file of relations and measures that cannot be used; `errors` holds every fault with its position."""


@dataclass(frozen=True, slots=True)
class Coordination:
    """Which first-level categories belong to a kind of project, and what to do about each way of coming together."""

    related: Mapping[ProjectKind, frozenset[str]]
    measures: Mapping[str, tuple[str, ...]]
    version: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How near and how grave things must be, for one area and day; ranks are those of Level."""

    window_days: int
    area_digits: int
    projects: int
    related_rank: int
    categories: int
    several_rank: int


@dataclass(frozen=True, slots=True)
class Undertaking:
    """A project that may start, or is under way; `start`: of an election the vote, None when nobody said when.

    `asked`: it is the one that is asked about before its decision, and counts as starting whatever its day.
    """

    id: str
    area: str
    name: str
    kind: ProjectKind
    start: date | None
    implementing: bool
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """An open matter."""

    id: str
    area: str
    first_level: str
    level: Level


@dataclass(frozen=True, slots=True)
class Why:
    """One way in which things come together: projects, related or several."""

    code: str
    text: str  # Chinese


@dataclass(frozen=True, slots=True)
class Together:
    """What comes together in a place, why that is said, and what to do."""

    place: str
    projects: tuple[Undertaking, ...]
    matters: tuple[Standing, ...]
    reasons: tuple[Why, ...]
    measures: tuple[str, ...]

    @property
    def members(self) -> frozenset[str]:
        """project/<id> and matter/<first-level category>/<id>."""
        matters = (f"matter/{one.first_level}/{one.id}" for one in self.matters)
        return frozenset((*(f"project/{one.id}" for one in self.projects), *matters))

    @property
    def category(self) -> str:
        """By whom it is answered for: the first project's category, else that of the gravest matter."""
        if self.projects:
            return self.projects[0].kind.category
        return max(self.matters, key=lambda one: one.level.rank).first_level


def place_of(area: str, digits: int) -> str:
    """The place of an area, by so many digits of its code; a larger area is a place of its own. 12 digits."""
    return prefix_of(area)[:digits].ljust(len(area), "0")


def is_there(one: Undertaking, on: date, limits: Limits) -> bool:
    """Under way, or starting within the days before and after."""
    return one.implementing or one.asked or (one.start is not None and _is_near(one.start, on, limits))


def together(
    coordination: Coordination,
    limits: Limits,
    there: tuple[Sequence[Undertaking], Sequence[Standing]],
    on: date,
    named: Callable[[str], str],
) -> Together | None:
    """What comes together among the projects and open matters of one place; None when nothing does.

    `on`: the day around which it is asked; `named`: the Chinese name of a category.
    """
    projects = sorted((one for one in there[0] if is_there(one, on, limits)), key=_order)
    matters = sorted(there[1], key=lambda one: (-one.level.rank, one.first_level, one.id))
    meetings = [
        *_projects(projects, limits),
        *_related(coordination, limits, (projects, matters), on, named),
        *_several(matters, limits, named),
    ]
    if not meetings:
        return None
    met = {one.id for meeting in meetings for one in meeting.projects}
    met |= {one.id for meeting in meetings for one in meeting.matters}
    codes = dict.fromkeys(meeting.why.code for meeting in meetings)
    return Together(
        place=place_of(projects[0].area if projects else matters[0].area, limits.area_digits),
        projects=tuple(one for one in projects if one.id in met),
        matters=tuple(one for one in matters if one.id in met),
        reasons=tuple(meeting.why for meeting in meetings),
        measures=tuple(dict.fromkeys(each for code in codes for each in coordination.measures[code])),
    )


@dataclass(frozen=True, slots=True)
class _Meeting:
    why: Why
    projects: Sequence[Undertaking]
    matters: Sequence[Standing]


def _projects(projects: Sequence[Undertaking], limits: Limits) -> Iterator[_Meeting]:
    if len(projects) >= limits.projects:
        listed = "、".join(map(_told, projects[:MOST_NAMED])) + ("等" if len(projects) > MOST_NAMED else "")
        text = f"{limits.window_days} 天之内有 {len(projects)} 个项目在此开工或实施：{listed}"
        yield _Meeting(Why("projects", text), projects, ())


def _related(
    coordination: Coordination,
    limits: Limits,
    there: tuple[Sequence[Undertaking], Sequence[Standing]],
    on: date,
    named: Callable[[str], str],
) -> Iterator[_Meeting]:
    for project in there[0]:
        # Of a project under way whose first day nobody told, the start may well be now.
        if not project.asked and project.start is not None and not _is_near(project.start, on, limits):
            continue
        related = coordination.related[project.kind]
        met = [one for one in there[1] if one.first_level in related and one.level.rank >= limits.related_rank]
        if met:
            text = f"{_told(project)}正遇 {len(met)} 件相关的未办结事项：{_counted(met, named)}"
            yield _Meeting(Why("related", text), (project,), met)


def _several(matters: Sequence[Standing], limits: Limits, named: Callable[[str], str]) -> Iterator[_Meeting]:
    grave = [one for one in matters if one.level.rank >= limits.several_rank]
    count = len({one.first_level for one in grave})
    if count >= limits.categories:
        level = Level.of_rank(limits.several_rank).zh
        text = f"同时有 {count} 类{level}级以上的未办结事项：{_counted(grave, named)}"
        yield _Meeting(Why("several", text), (), grave)


def _is_near(start: date, on: date, limits: Limits) -> bool:
    return abs(start - on) <= timedelta(days=limits.window_days)


def _order(one: Undertaking) -> tuple[date, str]:
    return one.start or date.max, one.id


def _told(one: Undertaking) -> str:
    word = "投票" if one.kind.track is Track.QUICK else "开工"
    planned = f"{one.start} {word}" if one.start else f"{word}时间未填"
    when = "实施中" if one.implementing else planned
    return f"{one.name}（{one.kind.zh}，{when}）"


def _counted(matters: Iterable[Standing], named: Callable[[str], str]) -> str:
    found = list(matters)
    counts = Counter(one.first_level for one in found)
    top = highest(*(one.level for one in found))
    listed = "、".join(f"{named(first_level)} {count} 件" for first_level, count in counts.most_common())
    return f"{listed}，最高{top.zh if top else ''}级"


class _RelatedPart(Part):
    source: Text
    unverified: bool
    of: dict[str, list[Text]]


class _MeasuresPart(Part):
    source: Text
    unverified: bool
    projects: list[Text]
    related: list[Text]
    several: list[Text]


class _CoordinationPart(Part):
    coordination: Text
    version: Text
    related: _RelatedPart
    measures: _MeasuresPart


_INSIDE: dict[str, type[BaseModel]] = {"related": _RelatedPart, "measures": _MeasuresPart}


def load_coordination(
    first_levels: Collection[str], source: Path | str | bytes = COORDINATION_FILE, name: str | None = None
) -> Coordination:
    """Read and check the file against the first-level categories. Raises CoordinationFileError."""
    document = read_source(source, name)
    part = None if document.errors else validated(_CoordinationPart, document, (), _INSIDE)
    if part is not None:
        _check(part, document, first_levels)
    if part is None or document.errors:
        raise CoordinationFileError(document.errors)
    measures = {code: tuple(getattr(part.measures, code)) for code in ("projects", "related", "several")}
    related = {ProjectKind(kind): frozenset(codes) for kind, codes in part.related.of.items()}
    return Coordination(related, measures, part.version)


def _check(part: _CoordinationPart, document: Document, first_levels: Collection[str]) -> None:
    wrong = set(part.related.of) ^ set(ProjectKind)
    if wrong:
        named = "、".join(sorted(wrong))
        document.fault(("related", "of"), f"要写全部项目类别，各写一次；多出或缺少：{named}")
    for kind, codes in part.related.of.items():
        for place, code in enumerate(codes):
            if code not in first_levels:
                text = f"没有名为 ‘{code}’ 的一级类别{hint(code, first_levels)}"
                document.fault(("related", "of", kind, place), text)
