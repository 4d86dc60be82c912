"""Valid rows by default; a test changes the one thing it is about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from service.store.engine import Row, new_id
from tests.makers import NOON, VILLAGE


def event(seq: int, **changes: Any) -> Row:
    """One change of a warning of its own."""
    row = {
        "seq": seq,
        "warning_id": new_id(),
        "revision": 1,
        "type": "issued",
        "at": NOON,
        "area": VILLAGE,
        "restricted": False,
        "department_ids": [],
        "note": None,
        "body": {},
    }
    return row | changes


def department(**changes: Any) -> Row:
    row = {"id": new_id(), "name": f"单位{new_id()}", "is_coordinator": False, "area": None, "created_at": NOON}
    return row | changes


def endpoint(department_id: UUID, **changes: Any) -> Row:
    row = {
        "id": new_id(),
        "department_id": department_id,
        "url": "http://127.0.0.1:9/hook",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "state": "active",
        "disabled_reason": None,
        "created_at": NOON,
        "verified_at": NOON,
        "options": {},
        "more_secrets": [],
    }
    return row | changes


def owed(endpoint_id: UUID, **changes: Any) -> Row:
    """An outbox row that is due at NOON."""
    row = {
        "id": new_id(),
        "warning_id": new_id(),
        "revision": 1,
        "endpoint_id": endpoint_id,
        "message_id": f"msg_{new_id().hex}",
        "body": b'{"type":"warning.issued","data":{}}',
        "state": "pending",
        "priority": 2,
        "attempts": 0,
        "due_at": NOON,
        "lease_token": None,
        "last_status": None,
        "last_error": None,
        "why": "测试",
        "created_at": NOON,
        "done_at": None,
    }
    return row | changes


def incident(**changes: Any) -> Row:
    """A kept report of a matter of its own."""
    row = {
        "id": new_id(),
        "system": "测试系统",
        "client_id": f"r-{new_id()}",
        "revision": 1,
        "status": "current",
        "area": VILLAGE,
        "county": VILLAGE[:6],
        "grid": None,
        "category": "labour.wage_arrears",
        "category_from": "reported",
        "title": None,
        "text": "反映工资未发。",
        "masked": {},
        "occurred_at": NOON,
        "captured_at": None,
        "received_at": NOON,
        "late": False,
        "people_affected": None,
        "people_affected_from": None,
        "people_present": None,
        "place_text": None,
        "lat": None,
        "lon": None,
        "accuracy_m": None,
        "project_id": None,
        "signals": [],
        "text_signals": [],
        "source": "grid",
        "report_stage": "first",
        "handling": "in_progress",
        "action_taken": None,
        "sketch": b"\x01",
        "matter_id": new_id(),
        "linked_by": {},
        "possible_duplicates": [],
        "judgement_id": new_id(),
        "warning_ids": [],
        "note": None,
    }
    return row | changes
