"""Switch an endpoint off: what it is owed is visibly given up, and others are told by their own addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.delivery.message import switched_off_body
from service.domain.areas import contains
from service.store import outbox, standing
from service.store.engine import Beside, Row, insert_all, new_id
from service.store.outbox import OUTBOX_CHANNEL

PRIORITY = 1  # as an orange warning: nothing reaches that department this way until somebody looks


async def switch_off(connection: AsyncConnection, endpoint_id: UUID, reason: str, told: tuple[datetime, str]) -> None:
    """`told`: when this happens, and this service's own address for the link. Only who switches it off tells."""
    now, link_base = told
    given_up = await standing.switch_off(connection, endpoint_id, reason, now)
    if given_up is None:
        return
    others = _to_tell(await standing.others_to_tell(connection, endpoint_id))
    if not others:
        return
    about = {
        "endpoint": str(endpoint_id), "kind": others[0]["kind"], "department": others[0]["failing_name"],
        "reason": reason, "given_up": given_up,
    }  # fmt: skip
    body = switched_off_body(now, about, f"{link_base}/v1/endpoints/{endpoint_id}")
    notice = new_id()
    rows = [owed_row(notice, 1, other["id"], body, now) | {"priority": PRIORITY, "why": reason} for other in others]
    await insert_all(connection, [outbox.owed_to_standby(rows)], Beside(notify=(OUTBOX_CHANNEL,)))


def owed_row(subject: UUID, revision: int, endpoint_id: UUID, body: bytes, now: datetime) -> Row:
    """A push that is due now. `priority` and `why` are still to be said."""
    return {
        "id": new_id(),
        "warning_id": subject,
        "revision": revision,
        "endpoint_id": endpoint_id,
        "message_id": f"msg_{new_id().hex}",
        "body": body,
        "state": "pending",
        "attempts": 0,
        "due_at": now,
        "lease_token": None,
        "last_status": None,
        "last_error": None,
        "created_at": now,
        "done_at": None,
    }


def _to_tell(others: Sequence[Row]) -> list[Row]:
    """The department's own other addresses, and coordinating offices whose area holds the department's."""
    return [
        row
        for row in others
        if row["department_id"] == row["failing_id"]
        or (row["area"] and contains(row["area"], row["failing_area"] or row["area"]))
    ]
