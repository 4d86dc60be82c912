"""A questionnaire that was counted becomes a round of participation; what to doubt about a round's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from service.domain.problems import FieldError, Problem
from service.domain.projects import ProjectKind
from service.rules.method.cuts import MethodError
from service.rules.method.given import Survey
from service.rules.method.loading import Methods
from service.rules.method.opposition import Doubt, survey_doubts
from service.store import projects
from service.store.engine import Row, new_id
from service.store.tables_filed import SurveyTable
from service.store.tables_project import EvidenceTable, ParticipationTable
from service.workflows.answering import Actor
from service.workflows.files.survey_sheets import Attitude
from service.workflows.files.survey_tally import SurveyFile, Tally
from service.workflows.projects import Changing, changing, masked_text
from service.workflows.telling import Work


@dataclass(frozen=True, slots=True)
class SurveyOrder:
    """What the file itself does not say. Days may be left out when its sheets are dated."""

    asked: int  # whom the survey had to reach
    began_on: date | None = None
    ended_on: date | None = None
    title: str | None = None
    taken_up: str | None = None


async def record_survey(
    work: Work, actor: Actor, project_id: UUID, order: SurveyOrder, counted: SurveyFile
) -> tuple[Row, Row]:
    """Keep the counts as one round of participation and the file's hash as evidence; gives round and counts."""
    began, ended = _days(order, counted.tally)
    if counted.tally.answered > order.asked:
        raise _unfit("asked", f"应查 {order.asked} 人，却有 {counted.tally.answered} 份表态的答卷；请核对应查人数。")
    async with changing(work, project_id, actor) as change:
        known = await projects.belonging(change.connection, SurveyTable, project_id)
        if any(row["sha256"] == counted.sha256 for row in known):
            raise Problem(409, "survey_known", "同一文件已经导入过本项目，不能重复计入。")
        evidence = await change.put(EvidenceTable, _evidence(change, order, ended, counted), "evidence filed")
        round_ = {
            "id": new_id(), "project_id": project_id, "form": "survey", "began_on": began, "ended_on": ended,
            "affected": order.asked, "reached": counted.tally.answered, **_sides(counted.tally),
            "concerns": [f"{text}（{sheets} 份）" for text, sheets in counted.tally.concerns],
            "taken_up": masked_text(order.taken_up), "evidence_id": evidence["id"], "recorded_at": work.now,
        }  # fmt: skip
        kept = await change.put(ParticipationTable, round_, "participation recorded", {"sha256": counted.sha256})
        return kept, await change.put(SurveyTable, _counts(kept, counted), "survey counted")


async def with_survey(change: Changing, entered: Row) -> Row:
    """`entered` with the counts of the round it names for its survey. Raises Problem 422 where that cannot be."""
    survey = (entered.get("given") or {}).get("survey")
    if survey is None or survey["participation_id"] is None:
        return entered
    round_ = await change.belonging(ParticipationTable, UUID(survey["participation_id"]), "公众参与")
    tallies = await projects.belonging(change.connection, SurveyTable, change.project["id"])
    taken = survey_of(round_, {row["participation_id"]: row for row in tallies})
    if taken is None:
        raise _unfit("given.survey.participation_id", "这一轮没有登记覆盖人数（reached）和反对人数（against）。")
    await _refuse_withdrawn(change, round_)
    counts = {"asked": taken.asked, "answered": taken.answered, "opposed": taken.opposed, "identical": taken.identical}
    differing = [name for name, count in counts.items() if survey[name] not in (None, count)]
    if differing:
        raise _unfit(f"given.survey.{differing[0]}", "与所指的公众参与轮次不一致；只给 participation_id 即可。")
    return entered | {"given": entered["given"] | {"survey": survey | counts}}


def survey_of(round_: Row, tallies: Mapping[UUID, Row]) -> Survey | None:
    """A round's numbers as those of a survey; None when it lacks who was reached or who opposed."""
    if round_["reached"] is None or round_["against"] is None:
        return None
    tally = tallies.get(round_["id"])
    return Survey(round_["affected"] or 0, round_["reached"], round_["against"], tally["identical"] if tally else None)


def doubts_of(
    methods: Methods, project: Row, rounds: Sequence[Row], tallies: Mapping[UUID, Row], on: date
) -> dict[UUID, tuple[Doubt, ...]]:
    """What to doubt about each round, by its id. Only a survey has to reach all; nobody against is odd anywhere."""
    preset = methods.preset(project["area"], on, None, ProjectKind(project["kind"]))
    found = {}
    for row in rounds:
        try:
            doubts = survey_doubts(preset, survey_of(row, tallies))
        except MethodError as error:
            doubts = (Doubt("counts", f"{error}：人数不合，应当复核", False),)
        found[row["id"]] = tuple(one for one in doubts if row["form"] == "survey" or one.code != "coverage")
    return found


def _days(order: SurveyOrder, tally: Tally) -> tuple[date, date]:
    began, ended = order.began_on or tally.first_day, order.ended_on or tally.last_day or order.began_on
    if began is None or ended is None:
        raise _unfit("began_on", "答卷上没有日期，请给出调查开始日期 began_on。")
    if ended < began:
        raise _unfit("ended_on", f"结束日期 {ended} 早于开始日期 {began}。")
    return began, ended


def _evidence(change: Changing, order: SurveyOrder, ended: date, counted: SurveyFile) -> Row:
    tally = counted.tally
    counts = {"答卷": tally.sheets, **{each.zh: tally.attitudes[each] for each in Attitude}}
    return {
        "id": new_id(), "project_id": change.project["id"], "kind": "questionnaire", "dated": ended,
        "title": masked_text(order.title or "问卷调查答卷"), "department_id": change.project["department_id"],
        "counts": counts, "sha256": counted.sha256, "note": None, "filed_at": change.work.now, "withdrawn_at": None,
    }  # fmt: skip


def _sides(tally: Tally) -> dict[str, int]:
    return {each.value: count for each, count in tally.attitudes.items() if each is not Attitude.NONE}


def _counts(round_: Row, counted: SurveyFile) -> Row:
    tally = counted.tally
    bands = [
        {"question": band.question, "answer": band.answer,
         "counts": {each.value: count for each, count in band.counts.items()}}
        for band in tally.bands
    ]  # fmt: skip
    return {
        "id": new_id(), "project_id": round_["project_id"], "participation_id": round_["id"],
        "evidence_id": round_["evidence_id"], "sha256": counted.sha256, "per_sheet": counted.per_sheet,
        "sheets": tally.sheets, "unanswered": tally.attitudes[Attitude.NONE], "identical": tally.identical,
        "aware": tally.aware, "unaware": tally.unaware,
        "concerns": [{"text": text, "sheets": sheets} for text, sheets in tally.concerns],
        "other_concerns": tally.other_concerns, "bands": bands, "counted_at": round_["recorded_at"],
    }  # fmt: skip


async def _refuse_withdrawn(change: Changing, round_: Row) -> None:
    if round_["evidence_id"] is None:
        return
    evidence: dict[str, Any] = await change.belonging(EvidenceTable, round_["evidence_id"], "材料")
    if evidence["withdrawn_at"] is not None:
        raise _unfit("given.survey.participation_id", "这一轮所依据的材料已经撤回，不能再用。")


def _unfit(field: str, detail: str) -> Problem:
    return Problem(422, "invalid_survey", detail, (FieldError(field, "unusable", detail),))
