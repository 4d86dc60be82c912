"""Which routes are in force: put whole or not at all, versioned, in force at once in every process."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from service.rules.positions import LoadError
from service.store import routing as store
from service.store.reference import Reference
from service.workflows.parts import Engines
from service.workflows.routes_file import Known, RoutesError, Routing, load_routes
from service.workflows.telling import Work
from service.workflows.workdays import is_workday

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a text: its number, or the faults for which it was refused."""

    number: int | None
    faults: tuple[LoadError, ...] = ()


def known_to(engines: Engines, reference: Reference) -> Known:
    """What a text of routes may name in this district."""
    departments = {one.name: one.id for one in reference.departments.values()}
    return Known(engines.catalogue, is_workday, departments, reference.areas.keys())


async def read_draft(engines: Engines, reference: Reference, text: bytes | str) -> Routing:
    """A text that is not in force, compiled. Raises RoutesError."""
    return await asyncio.to_thread(load_routes, text, known_to(engines, reference), "routes.yaml")


async def put_routes(work: Work, text: bytes, by: str) -> Put:
    """Put a text in force for every process, or give its faults and change nothing."""
    async with work.doors.transaction() as connection:
        reference = await work.doors.reference.get(connection)
        try:
            routing = await read_draft(work.engines, reference, text)
        except RoutesError as failure:
            return Put(None, failure.errors)
        row = {
            "hash": routing.sha256, "body": text.decode("utf-8-sig"), "put_by": by, "put_at": work.now,
            "departments": {name: str(department) for name, department in routing.departments.items()},
        }  # fmt: skip
        return Put(await store.put(connection, row))


async def drop_routes(work: Work) -> None:
    """No routes in force from now on."""
    async with work.doors.transaction() as connection:
        await store.drop(connection)
