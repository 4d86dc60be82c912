"""Reference data: areas, departments, who answers for what, who subscribed, standing orders.

Small and read by every report, so each process keeps it in memory; one version row, asked inside every
transaction that uses it, says when to read it again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from service.domain.areas import Area, contains
from service.domain.levels import Level
from service.domain.warnings import Department, Responsibility, StandingOrder, Subscription
from service.store.engine import Row, insert_rows, replacing, rows_of

REFERENCE_CHANNEL = "weiyu_reference"
ReferenceTable = type[SQLModel]


@dataclass(frozen=True, slots=True)
class Reference:
    """All reference data at one version."""

    version: int
    areas: dict[str, list[Area]]
    departments: dict[UUID, Department]
    responsibilities: tuple[Responsibility, ...]
    subscriptions: tuple[Subscription, ...]
    standing_orders: tuple[StandingOrder, ...]
    endpoints: dict[UUID, list[UUID]]  # of each department; whether one is active, the outbox asks when it owes
    silences: tuple[Row, ...] = ()  # those whose end was not told yet
    routing: Row | None = None  # the routes in force
    built: dict[str, Any] = field(
        default_factory=dict, compare=False
    )  # what a reader derived once, such as a routing table

    def area_on(self, code: str, on: date) -> Area | None:
        """The area with this code that is valid on that day."""
        for area in self.areas.get(code, []):
            if area.valid_from <= on and (area.valid_to is None or on <= area.valid_to):
                return area
        return None

    def area_name(self, code: str) -> str:
        known = self.areas.get(code)
        return known[-1].name if known else code

    def department_name(self, department_id: UUID | None) -> str | None:
        known = self.departments.get(department_id) if department_id else None
        return known.name if known else None

    def standing_order(self, level: Level, area: str, now: datetime) -> StandingOrder | None:
        """The order, if any, by which this level leaves at once in this area."""
        for order in self.standing_orders:
            in_time = order.valid_from <= now and (order.valid_to is None or now < order.valid_to)
            if level in order.levels and in_time and (order.area is None or contains(order.area, area)):
                return order
        return None


class ReferenceCache:
    """Keeps the newest Reference of one database."""

    def __init__(self) -> None:
        self._kept: Reference | None = None

    async def known(self, engine: AsyncEngine) -> Reference:
        """What was read last, which may be outdated: for whoever asks for the version in a transaction anyway."""
        if self._kept is None:
            async with engine.connect() as connection:
                return await self.get(connection)
        return self._kept

    async def get(self, connection: AsyncConnection) -> Reference:
        version = int(
            (await connection.execute(text("SELECT version FROM reference_version WHERE id = 1"))).scalar_one()
        )
        if self._kept is None or self._kept.version != version:
            self._kept = await _read(connection, version)
        return self._kept


async def change(connection: AsyncConnection) -> None:
    """Say that reference data changes in this transaction."""
    await connection.execute(text("UPDATE reference_version SET version = version + 1 WHERE id = 1"))
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": REFERENCE_CHANNEL})


async def put(connection: AsyncConnection, model: type[SQLModel], rows: Sequence[Row], key: Collection[str]) -> None:
    """Insert or replace reference rows by their key."""
    await insert_rows(connection, model, rows, replacing(model, key, keep=("id", "created_at")))
    await change(connection)


async def department_in_use(connection: AsyncConnection, department_id: UUID) -> bool:
    """Whether anything stands in a department's name: addresses, subscriptions, responsibilities, duties, keys,
    and what it did or owes on projects."""
    return bool((await connection.execute(text(_IN_USE), {"id": department_id})).scalar_one())


async def delete(connection: AsyncConnection, model: type[SQLModel], row_id: UUID) -> bool:
    gone = await connection.execute(text(f"DELETE FROM {model.__tablename__} WHERE id = :id"), {"id": row_id})  # noqa: S608
    await change(connection)
    return gone.rowcount == 1


async def rows(connection: AsyncConnection, model: type[SQLModel], order: str) -> list[Row]:
    """All rows of a small reference table."""
    return rows_of(await connection.execute(text(f"SELECT * FROM {model.__tablename__} ORDER BY {order}")))  # noqa: S608


async def row(connection: AsyncConnection, model: type[SQLModel], row_id: UUID) -> Row | None:
    found = await connection.execute(text(f"SELECT * FROM {model.__tablename__} WHERE id = :id"), {"id": row_id})  # noqa: S608
    return next(iter(rows_of(found)), None)


async def _read(connection: AsyncConnection, version: int) -> Reference:
    async def all_of(table: str, order: str) -> list[Row]:
        return rows_of(await connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")))  # noqa: S608

    areas: dict[str, list[Area]] = {}
    for r in await all_of("area", "code, valid_from"):
        areas.setdefault(r["code"], []).append(Area(r["code"], r["name"], r["valid_from"], r["valid_to"]))
    departments = [
        Department(r["id"], r["name"], r["is_coordinator"], r["area"], r["supervisor_id"])
        for r in await all_of("department", "name")
    ]
    return Reference(
        version=version,
        areas=areas,
        departments={department.id: department for department in departments},
        responsibilities=tuple(_responsibility(r) for r in await all_of("responsibility", "area, category")),
        subscriptions=tuple(_subscription(r) for r in await all_of("subscription", "id")),
        standing_orders=tuple(_standing_order(r) for r in await all_of("standing_order", "valid_from, id")),
        endpoints=_by_department(await all_of("endpoint", "id")),
        silences=tuple(await all_of("silence WHERE end_told_at IS NULL", "id")),
        routing=next(iter(await all_of("routing_version WHERE active_since IS NOT NULL", "number")), None),
    )


def _by_department(endpoints: Sequence[Row]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint["department_id"], []).append(endpoint["id"])
    return found


def _responsibility(r: Row) -> Responsibility:
    return Responsibility(r["area"], r["category"], r["lead_id"], tuple(r["participant_ids"]))


def _subscription(r: Row) -> Subscription:
    categories = None if r["categories"] is None else tuple(r["categories"])
    return Subscription(r["id"], r["department_id"], r["area"], categories, Level(r["minimum_level"]))


def _standing_order(r: Row) -> StandingOrder:
    levels = frozenset(Level(level) for level in r["levels"])
    return StandingOrder(r["id"], levels, r["area"], r["reason"], r["recorded_by"], r["valid_from"], r["valid_to"])


async def delete_endpoint(connection: AsyncConnection, endpoint_id: UUID, now: datetime) -> bool:
    """Remove an endpoint, or only disable it when pushes were made to it; what it was owed is visibly cancelled."""
    cancelled = text(
        "UPDATE outbox SET state = 'cancelled', last_error = '推送地址已删除', done_at = :now"
        " WHERE endpoint_id = :id AND state = 'pending'"
    )
    # The endpoint before its pushes, as everybody locks them.
    await connection.execute(text("SELECT 1 FROM endpoint WHERE id = :id FOR UPDATE"), {"id": endpoint_id})
    await connection.execute(cancelled, {"id": endpoint_id, "now": now})
    used = await connection.execute(text("SELECT 1 FROM outbox WHERE endpoint_id = :id LIMIT 1"), {"id": endpoint_id})
    if used.first() is None:
        gone = await connection.execute(text("DELETE FROM endpoint WHERE id = :id"), {"id": endpoint_id})
        return gone.rowcount == 1
    disable = text("UPDATE endpoint SET state = 'disabled', disabled_reason = '已删除' WHERE id = :id")
    return (await connection.execute(disable, {"id": endpoint_id})).rowcount == 1


_IN_USE = """
SELECT EXISTS (SELECT 1 FROM endpoint WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM subscription WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM responsibility WHERE lead_id = :id OR :id = ANY(participant_ids))
  OR EXISTS (SELECT 1 FROM duty WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM department WHERE supervisor_id = :id)
  OR EXISTS (SELECT 1 FROM shift WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM escalation WHERE told_id = :id)
  OR EXISTS (SELECT 1 FROM api_key WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM project WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM evidence WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM issue WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM decision_condition WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM reception WHERE department_id = :id)
  OR EXISTS (SELECT 1 FROM routing_version r, jsonb_each_text(r.departments) d
    WHERE r.active_since IS NOT NULL AND d.value = CAST(:id AS text))
"""
