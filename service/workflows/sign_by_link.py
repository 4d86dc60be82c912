"""Signing by a one-time link: what it would sign, and the signature itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.domain.problems import Problem
from service.domain.warnings import Warning
from service.store import warnings
from service.store.views import Sight
from service.workflows.answering import Actor, acknowledge_warning
from service.workflows.sign_links import Grant, read_token
from service.workflows.telling import Work

BY_LINK = "经一次性链接签收"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a link would sign, for which department, and whether that is done already."""

    warning: Warning
    department: str
    sign_due_at: datetime | None
    signed_at: datetime | None


async def offer_of(work: Work, token: str) -> Offer:
    """What a link stands for now; changes nothing. Raises Problem 404, 409 or 410, saying what to do instead."""
    return (await _read(work, token))[1]


async def sign_by_link(work: Work, token: str) -> Offer:
    """Sign once. Raises Problem 409 when the department has signed already, by whatever way."""
    grant, offer = await _read(work, token)
    actor = Actor(Sight(None, grant.department_id), offer.department)
    if not await acknowledge_warning(work, grant.warning_id, actor, BY_LINK, grant.sign_due_at):
        raise Problem(409, "link_used", "该预警已签收，本链接不能再次使用，无需重复操作。")
    return (await _read(work, token))[1]


async def _read(work: Work, token: str) -> tuple[Grant, Offer]:
    grant = read_token(work.doors.mac_key, token, work.now)
    async with work.doors.engine.connect() as connection:
        reference = await work.doors.reference.get(connection)
        warning = await warnings.one(connection, grant.warning_id)
        duties = (await warnings.duties_of(connection, [grant.warning_id]))[grant.warning_id]
    duty = next((row for row in duties if row["department_id"] == grant.department_id), None)
    if warning is None or duty is None:
        raise Problem(404, "unknown_link", "签收链接无效；请核对地址是否完整，或登录系统签收。")
    if not warning.is_open:
        raise Problem(409, "already_ended", "该预警已办结或撤销，不需要再签收。")
    if duty["sign_due_at"] != grant.sign_due_at:
        raise Problem(409, "link_outdated", "该预警的签收已重新计时；请使用最近一次推送中的链接。")
    name = reference.department_name(grant.department_id) or "?"
    return grant, Offer(warning, name, duty["sign_due_at"], duty["signed_at"])
