"""The emergency plan (应急预案) of a project: which office does what at which level. Never a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from service.domain.problems import FieldError, Problem
from service.store import projects
from service.store.engine import Row, new_id
from service.store.reference import Reference
from service.store.tables_filed import EmergencyPlanTable
from service.workflows.answering import Actor
from service.workflows.assessing import plain
from service.workflows.projects import changing, masked_text
from service.workflows.telling import Work

PLANNED_LEVELS = ("yellow", "orange", "red")
_SAYS = ("roles", "steps", "contacts")
_MOBILE = re.compile(r"(?:0086|86|0)?1[3-9]\d{9}")
# A line with or without its area code and extension, a 400 or 95 number, or a short public one such as 12345.
_OFFICE_LINE = re.compile(r"(?:0\d{2,3}-?)?[2-8]\d{6,7}(?:-\d{1,6})?|400-?\d{3}-?\d{4}|95\d{3}|1[12]\d|1[0-2]\d{3}")


async def put_plan(work: Work, actor: Actor, project_id: UUID, said: Row) -> Row:
    """Keep a plan as the project's next revision; the same plan again is no new one. `said`: roles, steps, contacts."""
    async with changing(work, project_id, actor) as change:
        reference = await work.doors.reference.get(change.connection)
        errors = tuple(_faults(reference, said))
        if errors:
            raise Problem(422, "invalid_plan", "应急预案有误，请按 errors 逐项修改后重发。", errors)
        earlier = await projects.belonging(change.connection, EmergencyPlanTable, project_id)
        kept = plain(_masked(said))
        if earlier and all(earlier[-1][name] == kept[name] for name in _SAYS):
            return earlier[-1]
        row = {"id": new_id(), "project_id": project_id, "revision": len(earlier) + 1, **kept, "made_at": work.now}
        return await change.put(EmergencyPlanTable, row, "emergency plan put", {"revision": row["revision"]})


def _masked(said: Row) -> Row:
    roles = [one | {"role": masked_text(one["role"])} for one in said["roles"]]
    steps = {level: masked_text(said["steps"][level]) for level in PLANNED_LEVELS}
    contacts = [one | {"duty_line": _tidy(one["duty_line"])} for one in said["contacts"]]
    return {"roles": roles, "steps": steps, "contacts": contacts}


def _faults(reference: Reference, said: dict[str, Any]) -> Iterator[FieldError]:
    for name in ("roles", "contacts"):
        for place, one in enumerate(said[name]):
            if one["department_id"] not in reference.departments:
                detail = "没有这个单位；请用 GET /v1/departments 查询。"
                yield FieldError(f"{name}.{place}.department_id", "unknown_department", detail)
    for place, one in enumerate(said["contacts"]):
        line = _tidy(one["duty_line"])
        if _MOBILE.fullmatch(re.sub(r"\D", "", line)):
            detail = "是手机号码；只登记单位的值班电话，不登记个人电话。"
            yield FieldError(f"contacts.{place}.duty_line", "personal_number", detail)
        elif not _OFFICE_LINE.fullmatch(line):
            detail = "应为单位的值班电话，例如 0571-88886666、0571-88886666-801、12345。"
            yield FieldError(f"contacts.{place}.duty_line", "not_an_office_line", detail)


def _tidy(line: str) -> str:
    return re.sub(r"[\s（）()]", "", line).replace("－", "-").replace("—", "-").removeprefix("+86-").removeprefix("+86")
