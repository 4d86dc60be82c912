"""What PostgreSQL does for each statement that the service makes: explained where and when it is made.

A hook on every SQLAlchemy engine of this process explains each statement just before it runs, in its own transaction
with its own parameters, under a savepoint that is taken back. Beside it the server's own counters of sequential scans
are read, which nothing that is asked of it escapes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import greenlet
import psycopg
from sqlalchemy import Engine, event

# Tables that grow with history; their months and the default partition count as the table. The one place that says so.
GROWING = (
    "incident", "judgement", "receipt", "matter", "matter_entry", "place_day", "warning", "duty", "warning_event",
    "outbox", "attempt", "held_push", "chain", "escalation",
)  # fmt: skip
FEW = 1000  # rows: a table that small is read whole at no cost (a month that just began)
_DEPTH = 60
_STATEMENTS = ("select", "insert", "update", "delete", "with")


@dataclass(slots=True)
class Explained:
    """The costliest plan seen for a statement, as EXPLAIN (FORMAT JSON) gave it."""

    statement: str
    plan: dict[str, Any]
    times: int = 1
    scans: set[str] = field(default_factory=set)  # growing tables that some run of it read whole

    @property
    def blocks(self) -> int:
        return _blocks(self.plan["Plan"])


class Recorder:
    """Explains what is executed while `on`; `seen` by the function of service.store that executes it."""

    def __init__(self, sizes: dict[str, float]) -> None:
        self.on = False
        self.seen: dict[tuple[str, str], Explained] = {}
        self._sizes = sizes

    def before(self, connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not self.on or statement.lstrip().split(None, 1)[0].lower() not in _STATEMENTS:
            return
        if _tables(statement).isdisjoint(GROWING):
            return
        beside = connection.connection.cursor()
        beside.execute("SAVEPOINT explained")
        beside.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters)
        plan = beside.fetchall()[0][0][0]
        beside.execute("ROLLBACK TO SAVEPOINT explained")
        beside.execute("RELEASE SAVEPOINT explained")
        beside.close()
        self._note(_caller(), statement, plan)

    def _note(self, name: str, statement: str, plan: dict[str, Any]) -> None:
        found = Explained(statement, plan, scans=set(scans(plan, self._sizes)))
        known = self.seen.get((name, statement))
        if known is not None:
            found.times += known.times
            found.scans |= known.scans
            found.plan = max(known.plan, plan, key=lambda one: _blocks(one["Plan"]))
        self.seen[name, statement] = found


@contextmanager
def recording(sizes: dict[str, float]) -> Iterator[Recorder]:
    """Hear every statement of every engine in this process."""
    recorder = Recorder(sizes)
    event.listen(Engine, "before_cursor_execute", recorder.before)
    try:
        yield recorder
    finally:
        event.remove(Engine, "before_cursor_execute", recorder.before)


def scans(plan: dict[str, Any], sizes: dict[str, float]) -> Iterator[str]:
    """Growing tables that this plan read whole, be it a month of them."""
    for node in nodes(plan["Plan"]):
        table = node.get("Relation Name", "")
        if node["Node Type"] == "Seq Scan" and node["Actual Loops"] and _grows(table) and sizes.get(table, 0) > FEW:
            yield table


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node and all below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def short(explained: Explained) -> list[str]:
    """The plan in lines: what was done with which index, how often, for how many rows. What never ran is left out."""
    lines = list(_lines(explained.plan["Plan"], 0))
    return [*lines, f"planning {explained.plan['Planning Time']:.2f} ms, {explained.plan['Execution Time']:.2f} ms"]


def sizes_of(url: str) -> dict[str, float]:
    """Rows of each table, as last analysed."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'")
        return dict(rows.fetchall())


def sequential_scans(url: str, sizes: dict[str, float]) -> dict[str, int]:
    """How often the server read each growing table whole since it was made, by its own count."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT relname, seq_scan FROM pg_stat_user_tables").fetchall()
    return {table: count for table, count in rows if _grows(table) and sizes.get(table, 0) > FEW}


def _grows(table: str) -> bool:
    return table in GROWING or table.rpartition("_20")[0] in GROWING or table.removesuffix("_default") in GROWING


def _tables(statement: str) -> set[str]:
    return {word.strip("(),;") for word in statement.split()}


def _blocks(node: dict[str, Any]) -> int:
    return int(node.get("Shared Hit Blocks", 0)) + int(node.get("Shared Read Blocks", 0))


def _lines(node: dict[str, Any], depth: int) -> Iterator[str]:
    if not node["Actual Loops"] or (not _blocks(node) and "Relation Name" in node):
        return  # never executed, or a month that is empty
    words = [node["Node Type"]]
    words += [f"{node[name]}" for name in ("Index Name", "Relation Name", "Function Name") if name in node][:1]
    loops = f" × {node['Actual Loops']:.0f}" if node["Actual Loops"] > 1 else ""
    yield "  " * min(depth, _DEPTH) + f"{' '.join(words)}: {node['Actual Rows']:g} rows{loops}, {_blocks(node)} blocks"
    for below in node.get("Plans", ()):
        yield from _lines(below, depth + 1)


def _caller() -> str:
    """The function of service.store that executes, or the nearest of the service. SQLAlchemy runs the statement in a
    greenlet; the coroutine that waits for it is its parent."""
    parent = greenlet.getcurrent().parent
    frame, nearest = parent.gr_frame if parent else sys._getframe(), "?"
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        name = f"{module.removeprefix('service.')}.{frame.f_code.co_name}"
        if module.startswith("service.store.") and module != "service.store.engine":
            return name
        if module.startswith("service.") and nearest == "?":
            nearest = name
        frame = frame.f_back
    return nearest
