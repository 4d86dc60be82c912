"""Rotate the secret of an endpoint: the new one signs at once, the old one beside it until its grace is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from service.delivery.signing import new_secret, new_sm3_secret
from service.domain.problems import FieldError, Problem
from service.store.engine import Row

MOST_OLD = 10  # old secrets that sign beside the current one; source: the Svix server


def rotated(endpoint: Row, given: str | None, overlap: timedelta, told: tuple[datetime, bool]) -> Row:
    """What changes. `told`: when, and whether this service makes the secret. Raises Problem 422."""
    now, ours = told
    if ours == (given is not None):
        detail = (
            "这类地址的密钥由本服务生成，请去掉 secret。" if ours else "这类地址的密钥由对方给出，请在 secret 中填写。"
        )
        raise Problem(
            422, "invalid_request", detail, (FieldError("secret", "not_here" if ours else "missing", detail),)
        )
    if given is not None:
        return {"secret": given, "more_secrets": []}
    until = (now + overlap).isoformat()
    old = [one for one in endpoint["more_secrets"] if one["until"] and datetime.fromisoformat(one["until"]) > now]
    beside = [one["secret"] for one in endpoint["more_secrets"] if one["until"] is None]
    parting = [{"secret": secret, "until": until} for secret in (endpoint["secret"], *beside)] if overlap else []
    fresh = [{"secret": new_sm3_secret(), "until": None}] if endpoint["options"].get("sm3") else []
    return {"secret": new_secret(), "more_secrets": [*fresh, *(parting + old)[:MOST_OLD]]}
