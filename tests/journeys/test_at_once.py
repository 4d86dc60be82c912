"""Many at one instant, over two services on one database; and the database going away in the middle of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from tests.journeys.conftest import Office, ok
from tests.journeys.test_stream import different
from tests.makers import OTHER_VILLAGE, VILLAGE, report
from tests.served import Served, serving, settings_for, until

REPORTS = "/v1/incidents"


@pytest.fixture
async def pair(served: Served, tmp_path: Path) -> AsyncIterator[list[httpx.AsyncClient]]:
    """The same reporting system at two services on one database."""
    other = Served(served.database_url, served.clock, settings_for(tmp_path))
    await other.start()
    key = await served.key(Scope.REPORT, system="grid-system")
    yield [served.client_with(key), other.client_with(key)]
    await other.stop()


async def rows(served: Served, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(served.database_url, autocommit=True) as connection:
        done = await connection.execute(statement, values)
        return await done.fetchall() if done.description else []


@asynccontextmanager
async def held(served: Served, table: str = "receipt") -> AsyncIterator[None]:
    """Nobody writes to the table while this lasts: what arrives meanwhile gathers into groups."""
    async with await psycopg.AsyncConnection.connect(served.database_url) as connection:
        await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield


async def waiting(served: Served) -> int:
    """How many connections wait for a lock."""
    return int((await rows(served, "SELECT count(*) FROM pg_locks WHERE NOT granted"))[0][0])


async def _waits(served: Served, least: int) -> bool:
    return await waiting(served) >= least


async def test_two_equal_posts_at_one_instant_are_kept_once_and_answered_alike(
    served: Served, pair: list[httpx.AsyncClient]
) -> None:
    body = report()
    async with held(served):
        posts = [asyncio.create_task(client.post(REPORTS, json=body)) for client in pair for _ in range(3)]
        await until(partial(_waits, served, 2))
    answers = [post.result() for post in posts if await post]

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 5}
    told = [answer.json() for answer in answers]
    assert [one.pop("duplicate") for one in told].count(True) == 5
    assert all(one == told[0] for one in told)
    assert await rows(served, "SELECT count(*) FROM incident") == [(1,)]


async def test_the_same_id_with_two_contents_at_one_instant_keeps_one_and_refuses_the_other(
    served: Served, pair: list[httpx.AsyncClient]
) -> None:
    one, other = report(id="same"), report(id="same", text="内容不同的另一份报告，说的是别的事情")
    answers = await asyncio.gather(pair[0].post(REPORTS, json=one), pair[1].post(REPORTS, json=other))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await rows(served, "SELECT count(*) FROM incident") == [(1,)]


async def test_a_hundred_reports_of_one_new_matter_at_two_services_open_one_matter_and_one_warning(
    served: Served, pair: list[httpx.AsyncClient]
) -> None:
    answers = await asyncio.gather(*(pair[n % 2].post(REPORTS, json=report()) for n in range(100)))

    assert {answer.status_code for answer in answers} == {201}, [a.text for a in answers if a.is_error][:1]
    assert len({answer.json()["matter_id"] for answer in answers}) == 1
    assert len({warning for answer in answers for warning in answer.json()["warnings"]}) == 1
    assert await rows(served, "SELECT report_count FROM matter") == [(100,)]
    assert await rows(served, "SELECT count(*) FROM warning") == [(1,)]
    assert await rows(served, "SELECT sum(reports), sum(opened) FROM place_day") == [(100, 1)]


async def test_batches_whose_places_and_ids_overlap_in_opposite_order_do_not_wait_in_a_circle(
    served: Served, pair: list[httpx.AsyncClient]
) -> None:
    kinds = ("labour.wage_arrears", "urban_rural.demolition", "contract.property_service", "land_resources.contracting")
    items = [
        different(n, category=kinds[n % 4], area=(VILLAGE, OTHER_VILLAGE, "990102000000")[n % 3]) for n in range(60)
    ]
    before = await rows(served, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    for start in range(0, 60, 20):
        part = items[start : start + 20]
        orders = (part, part[::-1], part[10:] + part[:10], sorted(part, key=lambda item: str(item["category"])))
        batches = [{"atomic": ("each", "all")[n % 2], "items": list(order)} for n, order in enumerate(orders)]
        answers = await asyncio.gather(
            *(pair[n % 2].post("/v1/incidents:batch", json=batch) for n, batch in enumerate(batches))
        )
        assert {answer.status_code for answer in answers} == {200}
        made = Counter(item["status"] for answer in answers for item in answer.json()["items"])
        assert made == {"created": 20, "duplicate": 60}

    assert await rows(served, "SELECT count(*) FROM incident") == [(60,)]
    after = await rows(served, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert after == before


async def test_merging_matters_while_a_department_signs_does_not_wait_in_a_circle(
    served: Served, reporter: httpx.AsyncClient, office: Office
) -> None:
    into, other = [ok(await reporter.post(REPORTS, json=different(n)), 201) for n in range(2)]
    async with held(served, "judgement"):  # where merging has told of the one warning and not yet looked at the other
        merge = {"matter_ids": [other["matter_id"]]}
        merging = asyncio.create_task(office.client.post(f"/v1/matters/{into['matter_id']}/merge", json=merge))
        await until(partial(_waits, served, 1))
        signing = asyncio.create_task(office.client.post(f"/v1/warnings/{into['warnings'][0]}/acknowledge"))
        await until(partial(_waits, served, 2))

    assert [(await merging).status_code, (await signing).status_code] == [200, 200]


async def test_one_report_the_database_refuses_spoils_only_itself(served: Served, reporter: httpx.AsyncClient) -> None:
    await rows(served, "ALTER TABLE incident ADD CHECK (client_id <> 'poison')")
    bodies = [report(id="poison") if n == 17 else report() for n in range(40)]
    async with held(served):  # the first two take both writers, the others make one group
        posts = [asyncio.create_task(reporter.post(REPORTS, json=body)) for body in bodies]

        await until(lambda: served.app.state.parts.intake._count == 40)
    answers = [await post for post in posts]

    refused = answers.pop(17)
    assert refused.is_error
    assert refused.status_code != 503, "sending it again would not help"
    assert {answer.status_code for answer in answers} == {201}
    assert await rows(served, "SELECT report_count FROM matter") == [(39,)]


async def test_connections_cut_under_load_cost_nothing_that_was_answered(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    )
    answered: dict[str, int] = {}

    async def post(number: int) -> None:
        body = different(number)
        while (answer := await reporter.post(REPORTS, json=body)).status_code == 503:
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["code"] == "database_unavailable"
            await asyncio.sleep(0.02)
        answered[body["id"]] = answer.status_code

    posts = [asyncio.create_task(post(number)) for number in range(120)]
    for share in (10, 40, 80):
        await until(lambda least=share: len(answered) >= least)
        await rows(served, cut)
    await asyncio.gather(*posts)

    assert set(answered.values()) <= {200, 201}
    kept = {row[0] for row in await rows(served, "SELECT client_id FROM incident")}
    assert kept == set(answered)
    assert len(await rows(served, "SELECT 1 FROM receipt")) == 120


async def test_a_write_cut_off_is_answered_503_and_may_be_sent_again(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    body = report()
    async with held(served):
        post = asyncio.create_task(reporter.post(REPORTS, json=body))
        await until(partial(_waits, served, 1))
        await rows(served, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
        answer = await post
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["retry-after"]

    assert ok(await reporter.post(REPORTS, json=body), 201)["duplicate"] is False


async def test_more_reports_than_may_wait_are_turned_away_and_the_rest_are_kept(
    database_url: str, tmp_path: Path
) -> None:
    async with serving(database_url, tmp_path, waiting_limit=10) as served:
        reporter = await served.client(Scope.REPORT)
        async with held(served):
            posts = [asyncio.create_task(reporter.post(REPORTS, json=report())) for _ in range(30)]
            await until(lambda: sum(post.done() for post in posts) == 20)
        answers = [await post for post in posts]

        assert Counter(answer.status_code for answer in answers) == {201: 10, 503: 20}
        busy = next(answer for answer in answers if answer.status_code == 503)
        assert (busy.json()["code"], busy.headers["content-type"]) == ("busy", "application/problem+json")
        assert busy.headers["retry-after"]
        assert await rows(served, "SELECT count(*) FROM incident") == [(10,)]
        assert (await reporter.post(REPORTS, json=report())).status_code == 201, "free again"


async def test_the_service_says_when_the_database_is_away_and_when_it_is_back(
    served: Served, reporter: httpx.AsyncClient
) -> None:
    assert ok(await reporter.get("/readyz"))["status"] == "ready"
    name = (await rows(served, "SELECT current_database()"))[0][0]
    admin = served.database_url.replace(f"/{name}", "/weiyu")
    async with await psycopg.AsyncConnection.connect(admin, autocommit=True) as connection:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user"
        await connection.execute(ours, (name,))
        away = await reporter.get("/readyz")
        refused = await reporter.post(REPORTS, json=report())
        assert (await reporter.get("/healthz")).status_code == 200
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
    assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
    assert refused.headers["retry-after"]
    assert ok(await reporter.get("/readyz"))["status"] == "ready"
    ok(await reporter.post(REPORTS, json=report()), 201)


async def test_metrics_tell_what_happened(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    body = report()
    ok(await reporter.post(REPORTS, json=body), 201)
    ok(await reporter.post(REPORTS, json=body))
    told = (await reader.get("/metrics")).text

    for line in (
        'weiyu_reports_total{status="created"} 1.0',
        'weiyu_reports_total{status="duplicate"} 1.0',
        "weiyu_feed_head 1.0",
        'weiyu_outbox_rows{state="pending"} 0.0',
        'weiyu_outbox_rows{state="given_up"} 0.0',
        "weiyu_model_usable 1.0",
        'weiyu_http_requests_total{method="POST",route="/v1/incidents",status="201"} 1.0',
    ):
        assert line in told
