"""What comes in and goes out about endpoints, deliveries and their attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from service.api.shapes import Out
from service.delivery.kinds import KINDS
from service.domain.incidents import Instant, Strict

Kind = Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})]
Url = Annotated[str, Field(max_length=2000)]
GivenSecret = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$")]
AtOnce = Annotated[int, Field(ge=1, le=64)]
PerMinute = Annotated[int, Field(ge=1, le=6000)]


class EndpointIn(Strict):
    """An address for a department's warnings. `options` depend on the kind (docs/delivery.md).

    `standby`: hears only what no first address of the department takes within the patience of its level.
    """

    department_id: UUID
    url: Url
    kind: Kind = "webhook"
    options: dict[str, Any] = Field(default_factory=dict)
    secret: GivenSecret | None = Field(None, description="where the other side gives one: 加签, gateway authorization")
    standby: bool = False
    at_once: AtOnce | None = Field(None, description="pushes under way at once, of each pushing process")
    per_minute: PerMinute | None = Field(None, description="pushes a minute, of all processes together")


class EndpointOut(Out):
    """An endpoint; its secret is shown once, when it is made or rotated."""

    id: UUID
    department_id: UUID
    kind: str
    url: str
    options: dict[str, Any]
    standby: bool
    at_once: int | None
    per_minute: int | None
    state: str = Field(description="active, unverified (not yet proven: nothing is pushed) or disabled")
    disabled_reason: str | None
    created_at: datetime
    verified_at: datetime | None
    failures: int = Field(description="in a row")
    failing_since: datetime | None
    paused_until: datetime | None


class EndpointMade(EndpointOut):
    """A new endpoint with its secrets, which are shown this once; none where the other side gave one."""

    secret: str | None
    sm3_secret: str | None


class EndpointChange(Strict):
    """What is left out stays as it is. A new `url` has to prove itself again."""

    url: Url = ""
    options: dict[str, Any] = Field(default_factory=dict)
    standby: bool = False
    at_once: AtOnce | None = None
    per_minute: PerMinute | None = None
    state: Literal["active", "disabled"] = "active"


class ProofIn(Strict):
    """`code`: what was read at the address; left out, a challenge is sent."""

    code: Annotated[str, Field(min_length=1, max_length=40)] | None = None


class RotationIn(Strict):
    """For how long the old secret signs as well; `secret` only where the other side gives it."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    secret: GivenSecret | None = None


class TryOut(Out):
    """How a push by hand went."""

    delivered: bool
    status: int | None
    error: str | None
    milliseconds: int
    response_head: str | None = None


class AttemptOut(Out):
    """One attempt; `response_head` is the first 2 kB of what was answered."""

    id: UUID
    outbox_id: UUID
    number: int
    started_at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    response_head: str | None


class EndpointAttempt(AttemptOut):
    """One attempt at an endpoint, with the push and the warning it was about."""

    message_id: str | None
    warning_id: UUID | None


class StatsOut(Out):
    """Figures of an endpoint since an instant. `errors` counts attempts by the name of what was wrong."""

    since: datetime
    attempts: int
    succeeded: int
    p50_ms: int | None
    p95_ms: int | None
    errors: dict[str, int]
    pending: int
    oldest_pending: datetime | None
    given_up: int


class DeliveryOut(Out):
    """One push that was owed; its state is pending, delivered, given_up or cancelled."""

    id: UUID
    warning_id: UUID
    revision: int
    endpoint_id: UUID
    department_id: UUID
    kind: str
    message_id: str
    state: str
    why: str
    attempts: int
    due_at: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    done_at: datetime | None


class DeliveryWithTries(DeliveryOut):
    """A push with every attempt, oldest first."""

    tries: list[AttemptOut]


class DeliveryPage(Out):
    """Newest first; `next` is `before` of the following page. The counts are of everything in the key's area."""

    items: list[DeliveryOut]
    next: UUID | None
    pending: int
    given_up: int


class Since(Strict):
    """A range of time in which pushes came about; without `until` up to now."""

    since: Instant
    until: Instant | None = None


class Recovered(Out):
    """How many pushes are owed again."""

    recovered: int
