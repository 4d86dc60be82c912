"""Who hears of a move, now or later: subscriptions, duties, the routes in force, and what keeps quiet for a while."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.delivery.hearing import Held, HeldBy, Quiet, gathered, held
from service.delivery.inhibition import Loud
from service.delivery.labels import Told, told_of
from service.delivery.matchers import Labels
from service.delivery.routes import Receiver, Route
from service.domain.areas import county_of
from service.domain.catalogue import Catalogue
from service.domain.levels import Level
from service.domain.warnings import PUSHED_EVENTS, Routed, Warning, WarningEventType
from service.domain.words import DutyRole, SubjectKind, WarningState
from service.store import routing as store
from service.store.engine import Row, new_id
from service.store.reference import Reference
from service.workflows.deciding import Move
from service.workflows.parts import Teller, routing_of, silences_of
from service.workflows.routes_file import Routing

LOOKED_AGAIN = timedelta(minutes=5)  # when what is held back by something is looked at again at the latest
LISTENING = (DutyRole.LEAD, DutyRole.COORDINATOR)  # who hears of a restricted warning
OF_MATTER = frozenset({"source", "signals"})  # labels that only the matter knows


@dataclass(frozen=True, slots=True)
class Hearer:
    """Why a department hears, and by which route (None: subscription, duty or promise)."""

    why: str
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class Switchboard:
    """What decides at one moment: the routes, and all that keeps quiet. `told`: what may be asked of each warning."""

    routing: Routing | None
    quiet: Quiet
    told: Mapping[UUID, Told]

    def hold(self, warning: Warning, hearer: Hearer) -> Held | None:
        """What holds this push back, if anything. Nothing holds back what asks somebody to confirm."""
        if warning.state is WarningState.PENDING_CONFIRMATION or warning.issued_level is None:
            return None
        labels = self.told[warning.id].labels
        return held(labels, str(warning.id), hearer.route, self.quiet) or gathered(labels, hearer.route)


@dataclass(slots=True)
class Waiting:
    """Rows of pushes that wait, and of the groups they wait in."""

    now: datetime
    groups: dict[str, Row] = field(default_factory=dict)
    pushes: list[Row] = field(default_factory=list)

    def add(self, move: Move, to: tuple[UUID, Hearer], hold: Held, labels: Labels) -> None:
        """One push to one department waits."""
        department_id, hearer = to
        group = group_of(department_id, hearer.route, labels, str(move.warning.id))
        row = self.groups.setdefault(group["key"], group | {"asked_at": self.now, "due_at": self._due(hold, hearer)})
        row["due_at"] = min(row["due_at"], self._due(hold, hearer))
        self.pushes.append(
            {
                "id": new_id(), "group_key": group["key"], "warning_id": move.warning.id,
                "revision": move.warning.revision, "department_id": department_id, "type": move.type,
                "why": hearer.why, "state": "waiting", "held_by": hold.by, "reason": hold.reason,
                "silence_id": hold.silence_id, "created_at": self.now, "settled_at": None, "carried_by": None,
                "carried_revision": None,
            }
        )  # fmt: skip

    def _due(self, hold: Held, hearer: Hearer) -> datetime:
        if hold.by is HeldBy.GROUPING and hearer.route:
            return self.now + hearer.route.pace.wait
        return next_look(hold, self.now)


def next_look(hold: Held, now: datetime) -> datetime:
    """When a push that is held back is looked at again. Quiet hours end when they say; the rest may end any time."""
    if hold.until is None:
        return now + LOOKED_AGAIN
    return hold.until if hold.by is HeldBy.QUIET_HOURS else min(hold.until, now + LOOKED_AGAIN)


def group_of(department_id: UUID, route: Route | None, labels: Labels, warning_id: str) -> Row:
    """The group a push belongs to: by the route's labels, or of its own."""
    by = route.pace.by if route else None
    gathered_by = {"warning": warning_id} if by is None else {name: labels.get(name, "") for name in by}
    name = route.name if route else None
    key = json.dumps([name, str(department_id), gathered_by], ensure_ascii=False, sort_keys=True)
    interval = route.pace.interval if route else LOOKED_AGAIN
    return {
        "key": key, "route": name, "department_id": department_id, "labels": gathered_by, "due_at": None,
        "asked_at": None, "interval_s": int(interval.total_seconds()), "last_at": None, "told_open": [],
        "told_closed": [],
    }  # fmt: skip


async def switchboard(connection: AsyncConnection, teller: Teller, moves: Sequence[Move]) -> Switchboard | None:
    """What decides about these moves. None where nothing is configured: who hears, hears now; nothing is read."""
    routing = await routing_of(teller)
    silences = [one for one in silences_of(teller.reference) if teller.now < one.ends_at]
    if routing is None and not silences:
        return None
    asked = {one.name for silence in silences for one in silence.matchers} & OF_MATTER
    about = await told_by(
        connection, teller, moves, asks_matter=bool(asked) or (routing is not None and routing.asks_matter)
    )
    local = teller.now.astimezone(teller.engines.zone)
    rules = routing.inhibitions if routing else ()
    loud = await _loud(connection, teller, moves, about) if rules else []
    return Switchboard(routing, Quiet(local, silences, rules, loud), about)


def hearers(
    move: Move, routed: Routed, duties: Mapping[UUID, Row], to: tuple[Reference, Switchboard | None]
) -> dict[UUID, Hearer]:
    """Which departments hear of a move, each with the reason. Routes first: they say more than a subscription does."""
    reference, board = to
    if move.type is WarningEventType.ESCALATED:  # also while it waits: who shall confirm must hear of it
        return {department_id: Hearer(move.note) for department_id in move.only or ()}
    if not move.warning.is_open and move.warning.issued_level is None:
        # It ended before it ever left the house: only who was asked to confirm it hears.
        return {owed.department_id: Hearer(owed.reason) for owed in move.owed}
    if not is_heard(move):
        return {}
    if move.only is not None:
        return {department_id: Hearer(move.note) for department_id in move.only}
    heard: dict[UUID, Hearer] = {}
    if board is not None and board.routing is not None:
        _by_routes(heard, board.routing.tree.reached(board.told[move.warning.id]), duties, move.warning)
    for push in routed.pushes:
        heard.setdefault(push.department_id, Hearer(push.reason))
    subscribed = _subscribed(reference)
    for department_id, duty in duties.items():
        # Whoever leads hears even without a subscription; having one, the department chose what to hear.
        if duty["role"] == DutyRole.LEAD and department_id not in subscribed:
            heard.setdefault(department_id, Hearer(duty["reason"]))
    for owed in move.owed:
        heard.setdefault(owed.department_id, Hearer(owed.reason))
    return heard


async def quiet_until(connection: AsyncConnection, teller: Teller, warning: Warning) -> datetime | None:
    """Until when a silence or another warning holds back what is told of this one; None: nothing does."""
    move = Move(warning, WarningEventType.ESCALATED, "")
    board = await switchboard(connection, teller, [move])
    hold = board.hold(warning, Hearer("")) if board else None
    return None if hold is None else next_look(hold, teller.now)


def is_heard(move: Move) -> bool:
    """Whether anybody is to hear: not while confirmation is awaited, and not the end of what never left the house."""
    waits = move.warning.state is WarningState.PENDING_CONFIRMATION
    return move.type in PUSHED_EVENTS and not waits and move.warning.issued_level is not None


def _by_routes(
    heard: dict[UUID, Hearer], routes: Iterable[Route], duties: Mapping[UUID, Row], warning: Warning
) -> None:
    named = [(route, one, each) for route in routes for one in route.receivers for each in _named(one, duties)]
    for route, receiver, department_id in named:
        known = heard.get(department_id)
        # Of two routes the one that tells at once counts; of two alike the first.
        sooner = known is not None and known.route and known.route.pace.by and not route.pace.by
        if (known is None or sooner) and _may_hear(department_id, duties, warning):
            heard[department_id] = Hearer(f"路由“{route.name}”：{receiver.name}", route)


def _named(receiver: Receiver, duties: Mapping[UUID, Row]) -> list[UUID]:
    if receiver.department_id is not None:
        return [receiver.department_id]
    return [department_id for department_id, duty in duties.items() if duty["role"] == receiver.role]


def _may_hear(department_id: UUID, duties: Mapping[UUID, Row], warning: Warning) -> bool:
    """A restricted warning is told to its lead and the coordinator, whatever a route says."""
    return not warning.restricted or (department_id in duties and duties[department_id]["role"] in LISTENING)


def _subscribed(reference: Reference) -> frozenset[UUID]:
    """Departments with a subscription, gathered once per reference version: every move asks."""
    if "subscribed" not in reference.built:
        found = frozenset(subscription.department_id for subscription in reference.subscriptions)
        reference.built["subscribed"] = found
    subscribed: frozenset[UUID] = reference.built["subscribed"]
    return subscribed


async def told_by(
    connection: AsyncConnection, teller: Teller, moves: Sequence[Move], asks_matter: bool
) -> dict[UUID, Told]:
    warnings = {move.warning.id: move.warning for move in moves}
    ids = [UUID(one.subject_id) for one in warnings.values() if one.subject_kind is SubjectKind.MATTER]
    said = await store.said_of(connection, ids) if asks_matter and ids else {}
    return {key: told_in(teller.engines.catalogue, one, said) for key, one in warnings.items()}


def told_in(catalogue: Catalogue, warning: Warning, said: Mapping[UUID, Row]) -> Told:
    """What may be asked of a warning, with what `said` knows of its matter."""
    row = said.get(UUID(warning.subject_id)) if warning.subject_kind is SubjectKind.MATTER else None
    first = catalogue.categories[warning.category].parent if warning.category in catalogue.categories else None
    about = (row["sources"], row["signals"]) if row else ((), ())
    return told_of(warning, first or warning.category, *about)


async def _loud(
    connection: AsyncConnection, teller: Teller, moves: Sequence[Move], about: Mapping[UUID, Told]
) -> list[Loud]:
    """Open warnings that may hold others back: those kept, and those that leave at this very moment."""
    counties = {county_of(move.warning.area) for move in moves}
    leaving = {move.warning.id: move.warning for move in moves if is_heard(move) and move.warning.is_open}
    kept = await loud_in(connection, teller.engines.catalogue, counties, about)
    return kept + [Loud(str(key), one.headline, about[key].labels) for key, one in leaving.items()]


async def loud_in(
    connection: AsyncConnection, catalogue: Catalogue, counties: Collection[str], besides: Collection[UUID] = ()
) -> list[Loud]:
    """Open warnings of these counties that may hold others back: red ones, and those of a place."""
    rows = await store.loud(connection, counties, besides)
    return [Loud(str(row["id"]), row["headline"], _labels(catalogue, row)) for row in rows]


def _labels(catalogue: Catalogue, row: Row) -> Labels:
    """Of what departments heard: a level that waits for confirmation holds nothing back."""
    category = row["category"]
    first = catalogue.first_level(category) if category in catalogue.categories else category
    level, kind = Level(row["issued_level"] or row["level"]), SubjectKind(row["subject_kind"])
    return Told(level, row["area"], category, first, kind, row["subject_id"], row["restricted"]).labels
