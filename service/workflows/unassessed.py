"""应评尽评: what was decided, started or is being carried out without an assessment is told to who answers for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from service.domain.projects import ProjectKind
from service.domain.words import SubjectKind
from service.store import projects
from service.store.engine import Row
from service.workflows.deciding import Move
from service.workflows.parts import Doors, Engines
from service.workflows.project_warnings import About, Notice, about_project, level_of, opened
from service.workflows.telling import Teller, tell

PROJECTS_OF = {kind.category: kind.value for kind in (ProjectKind.HOUSE_EXPROPRIATION, ProjectKind.LAND_EXPROPRIATION)}
MEASURES = ("补作社会稳定风险评估，评估前暂缓实施", "核实决策和开工的依据与时间", "回应群众已经提出的诉求")


async def warn_unassessed(doors: Doors, engines: Engines, now: datetime) -> int:
    """Warn once of each project and each area; gives how many were warned of."""
    async with doors.transaction() as connection:
        teller = Teller(engines, doors, await doors.reference.get(connection), now)
        late = await projects.unassessed(connection, engines.day(now))
        days = engines.thresholds.value("project.unassessed_days", "", engines.day(now))
        unknown = await projects.unregistered(connection, PROJECTS_OF, now - timedelta(days=days))
        moves = [_of_project(teller, row) for row in late] + [_of_area(teller, row) for row in unknown]
        await tell(connection, teller, moves)
    return len(moves)


def _of_project(teller: Teller, row: Row) -> Move:
    kind, facts = ProjectKind(row["kind"]), row["facts"]
    said = [f"{word} {facts[name]}" for name, word in (("decision_on", "决定"), ("start_on", "开工")) if name in facts]
    but = "评估后的决策没有同意实施" if row["decided"] else "没有经决策的风险评估"
    text = f"项目{'、'.join(said) or '已进入实施'}，但{but}"
    what = "未经同意先行" if row["decided"] else "未评先行"
    headline = f"{teller.reference.area_name(row['area'])}：{kind.zh}项目{what}"
    return opened(teller, about_project(row), _notice(teller, row["area"], headline, text))


def _of_area(teller: Teller, row: Row) -> Move:
    name = teller.engines.catalogue.category_name(row["category"])
    text = f"该区域有 {row['matters']} 件{name}类事项在办，但没有登记相应的项目，可能应评未评"
    headline = f"{teller.reference.area_name(row['area'])}：{name}类事项没有对应的项目"
    about = About(SubjectKind.AREA, f"{row['area']}/{row['category']}", row["area"], row["category"])
    return opened(teller, about, _notice(teller, row["area"], headline, text))


def _notice(teller: Teller, area: str, headline: str, text: str) -> Notice:
    return Notice(level_of(teller, "project.unassessed_level", area), "unassessed", headline, text, MEASURES)
