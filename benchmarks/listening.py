"""A thousand listeners on the stream: when the last of them has an event after the report was answered."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from typing import Any

from benchmarks.ground import Database, Ground, Server, reports, weiyu
from benchmarks.results import Row, middle

LISTENERS = 1000
ROUNDS = 4
PATIENCE = 20.0  # seconds


def measure(ground: Ground) -> list[Row]:
    """One report per round that warns at once; the first round is not counted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2 * LISTENERS), hard), hard))
    database = ground.database("listening")
    with weiyu(database) as server:
        return asyncio.run(_measure(ground, database, server))


async def _measure(ground: Ground, database: Database, server: Server) -> list[Row]:
    before = server.resident_mb
    listeners: list[Listener] = []
    quarters: list[float] = []  # memory of one more listener, quarter by quarter: the first one warms the server up too
    while len(listeners) < LISTENERS:
        held = server.resident_mb
        listeners += [await _listen(database, server) for _ in range(LISTENERS // 4)]
        quarters.append(round((server.resident_mb - held) * 4000 / LISTENERS, 1))
    each = (server.resident_mb - before) * 1000 / LISTENERS
    told = [body for body in reports(ground.bodies, 400, "l") if _is_told(body)]
    bodies = list({body["place_text"]: body for body in told}.values())  # one of a matter: its first one is told
    rounds = [await _round(database, server, listeners, body) for body in bodies[: ROUNDS + 1]]
    after_rounds = (server.resident_mb - before) * 1000 / LISTENERS
    for _, writer in listeners:
        writer.close()
    after_answer, after_sent = ([numbers[place] for numbers in rounds[1:]] for place in (0, 1))
    detail = {"rounds_ms": [round(one) for one in after_answer], "after the report was sent": middle(after_sent)}
    return [
        Row(f"{LISTENERS} listeners, the last one", middle(after_answer), 150, "ms after the answer, at most", detail),
        Row(
            "memory of one listener",
            each,
            30,
            "kB, at most",
            {"quarters_kb": quarters, "after the events": float(f"{after_rounds:.3g}")},
        ),
    ]


def _is_told(body: dict[str, Any]) -> bool:
    """Whether its matter gets a warning for sure: enough people, and not settled where it was reported."""
    return (body.get("people_affected") or 0) >= 5 and body["handling"] == "forwarded"


Listener = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _listen(database: Database, server: Server) -> Listener:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = [f"{name}: {value}" for name, value in database.headers.items()]
    writer.write("\r\n".join(["GET /v1/warnings/stream HTTP/1.1", "host: bench", *lines, "", ""]).encode())
    await asyncio.wait_for(reader.readuntil(b"id: "), PATIENCE)
    return reader, writer


async def _round(
    database: Database, server: Server, listeners: list[Listener], body: dict[str, object]
) -> tuple[float, float]:
    """Milliseconds from the answer, and from the sending, to the last listener's event."""
    heard = [asyncio.create_task(_heard(reader)) for reader, _ in listeners]
    await asyncio.sleep(0.3)
    sent = time.perf_counter()
    await _post(database, server, body | {"signals": ["payment_overdue"]})
    answered = time.perf_counter()
    last = max(await asyncio.wait_for(asyncio.gather(*heard), PATIENCE))
    await asyncio.sleep(1.2)  # what else the report caused is heard by then
    return 1e3 * (last - answered), 1e3 * (last - sent)


async def _heard(reader: asyncio.StreamReader) -> float:
    await reader.readuntil(b"event: warning.")
    return time.perf_counter()


async def _post(database: Database, server: Server, body: dict[str, object]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    content = json.dumps(body, ensure_ascii=False).encode()
    lines = [f"{name}: {value}" for name, value in database.headers.items()]
    lines += ["content-type: application/json", f"content-length: {len(content)}", "connection: close"]
    writer.write("\r\n".join(["POST /v1/incidents HTTP/1.1", "host: bench", *lines, "", ""]).encode() + content)
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    if not answer.startswith(b"HTTP/1.1 201"):
        raise RuntimeError(f"the report was answered {answer[:300]!r}")
    writer.close()
