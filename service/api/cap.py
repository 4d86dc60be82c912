"""CAP 1.2: a warning as the message that departments heard, and the Ack by which their systems sign for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from service.api.access import READERS, may
from service.api.documents import bulletin_of
from service.api.shapes import Out
from service.api.state import App, actor_of, app_of
from service.api.unchanged import Asking, answer
from service.delivery.formats import cap
from service.delivery.formats.bulletin import Bulletin
from service.delivery.formats.cap_ack import Ack, Reference, read_ack
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Scope
from service.store import bulletins, feed
from service.store.keys import Viewer
from service.store.newest import Latest
from service.workflows.answering import acknowledge_warning

router = APIRouter(prefix="/v1", tags=["warnings 预警"])
Reader = Annotated[Viewer, may(*READERS)]
Responder = Annotated[Viewer, may(Scope.RESPOND)]
_XML = {"application/cap+xml", "application/xml", "text/xml"}
_TEXT = {"schema": {"type": "string"}}
_ACK_BODY = {"requestBody": {"required": True, "content": {cap.MEDIA_TYPE: _TEXT}}}


class Acknowledged(Out):
    """One warning that is signed for, by the message that was acknowledged."""

    warning_id: UUID
    identifier: str


class AckOut(Out):
    """What an Ack led to."""

    acknowledged: list[Acknowledged]


@router.get(
    "/warnings/{warning_id}.cap", response_class=Response, responses={200: {"content": {cap.MEDIA_TYPE: _TEXT}}}
)
async def get_cap(
    warning_id: UUID,
    viewer: Reader,
    request: Request,
    revision: Annotated[int | None, Query(ge=1, lt=2**31, description="absent: the latest message")] = None,
) -> Response:
    """A warning as CAP 1.2: Alert, Update or Cancel, with references to all messages that it supersedes."""
    app = app_of(request)
    asking = Asking(request, viewer, (warning_id, revision), cap.MEDIA_TYPE)
    body = await _message(app, warning_id, viewer, revision)  # first: what is not there is not unchanged either

    async def made(_: Latest) -> bytes:
        return body

    return await answer(asking, made)


async def _message(app: App, warning_id: UUID, viewer: Viewer, revision: int | None) -> bytes:
    messages = await _messages(app, warning_id, viewer)
    if not messages:
        raise Problem(409, "not_issued", "该预警尚待核实、未发出，没有 CAP 消息。")
    wanted = messages[-1].revision if revision is None else revision
    shown = next((one for one in messages if one.revision == wanted), None)
    if shown is None:
        raise not_found("CAP 消息", f"{warning_id}.{wanted}")
    earlier = [cap.Message(cap.identifier(one), one.at) for one in messages if one.revision < wanted]
    return cap.alert(shown, earlier, app.documents.naming)


@router.post("/cap", openapi_extra=_ACK_BODY)
async def post_cap(viewer: Responder, request: Request) -> AckOut:
    """Sign for warnings (签收) by a CAP Ack whose `references` name their messages. Repeating it changes nothing."""
    app = app_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _XML:
        raise Problem(
            415, "unsupported_media_type", f"请求体应为 CAP 消息，请求头 Content-Type 应为 {cap.MEDIA_TYPE}。"
        )
    ack = read_ack(await request.body())
    if ack.status != cap.status(app.documents.naming):
        detail = f"本服务的消息状态为 {cap.status(app.documents.naming)}，其他状态的签收不计。"
        raise _refused([FieldError("status", "other_status", detail)])
    return AckOut(acknowledged=await _acknowledge(app, ack, viewer))


async def _acknowledge(app: App, ack: Ack, viewer: Viewer) -> list[Acknowledged]:
    """All references are looked at before the first is signed for."""
    signing = [await _signed(app, reference, viewer) for reference in ack.references]
    errors = [found for found in signing if isinstance(found, FieldError)]
    if errors:
        raise _refused(errors)
    actor = await actor_of(app, viewer)
    acknowledged = [found for found in signing if isinstance(found, Acknowledged)]
    for warning_id in dict.fromkeys(one.warning_id for one in acknowledged):
        await acknowledge_warning(app.work(), warning_id, actor, ack.note or None)
    return acknowledged


async def _signed(app: App, reference: Reference, viewer: Viewer) -> Acknowledged | FieldError:
    """The message that a reference names, if it is ours and says no less than the latest one."""
    naming, name = app.documents.naming, cap.named(reference.identifier)
    unknown = FieldError("references", "unknown_message", f"没有消息“{_clipped(reference)}”，请原样引用收到的消息。")
    if name is None or reference.sender != naming.authority:
        return unknown
    try:
        messages = await _messages(app, UUID(name[0]), viewer)
    except Problem:
        return unknown
    meant = next((one for one in messages if one.revision == name[1]), None)
    if meant is None or cap.instant(meant.at, naming) != reference.sent:
        return unknown
    if messages[-1].level.rank > meant.level.rank:  # what was read was less than what there is to sign for
        latest = cap.identifier(messages[-1])
        detail = f"消息 {reference.identifier} 之后级别已升为{messages[-1].level.zh}，请签收最新的消息 {latest}。"
        return FieldError("references", "superseded", detail)
    return Acknowledged(warning_id=meant.id, identifier=reference.identifier)


async def _messages(app: App, warning_id: UUID, viewer: Viewer) -> Sequence[Bulletin]:
    """What departments heard of a warning, oldest first. Raises Problem 404 when it is not in sight."""
    async with app.engine.connect() as connection:
        if await feed.warning_in_sight(connection, warning_id, viewer.sight) is None:
            raise not_found("预警", warning_id)
        reference = await app.doors.reference.get(connection)
        rows = await bulletins.told_of(connection, warning_id)
    told = [bulletin_of(row, app.engines.catalogue, reference) for row in rows if feed.seen_by(row, viewer.sight)]
    return [bulletin for bulletin in told if cap.is_message(bulletin)]


def _clipped(reference: Reference) -> str:
    return f"{reference.sender},{reference.identifier},{reference.sent}"[:200]


def _refused(errors: list[FieldError]) -> Problem:
    return Problem(422, "invalid_cap", "CAP 签收消息有误，请按 errors 逐项修改后重发。", tuple(errors))
