"""The real amtool against the service, and a real Alertmanager on either end of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml

from service.domain.words import Scope
from tests.alertmanager import Amtool, alertmanager, hearing, needs_both
from tests.journeys.conftest import Office, ok
from tests.journeys.test_alertmanager import ALERTS, alert, incidents
from tests.journeys.test_stream import different
from tests.makers import VILLAGE, blocked_road
from tests.served import Served, until

pytestmark = needs_both


@pytest.fixture
async def amtool(served: Served, tmp_path: Path) -> Amtool:
    """With a key that may do everything amtool can."""
    key = await served.key(Scope.READ, Scope.REPORT, Scope.ADMINISTER, name="值班室", system="amtool")
    return Amtool.with_key(served.base, key, tmp_path)


async def test_amtool_reads_warnings_and_reports_alerts(
    served: Served, amtool: Amtool, reporter: httpx.AsyncClient, office: Office, tmp_path: Path
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    ok(await reporter.post("/v1/incidents", json=blocked_road()), 201)
    found = await amtool.json("alert", "query")
    assert [one["labels"]["level"] for one in found] == ["yellow"], "what is not processed is asked for apart"
    assert {one["labels"]["level"] for one in await amtool.json("alert", "query", "-u")} == {"orange"}
    assert await amtool.json("alert", "query", "level=red") == []
    assert len(await amtool.json("alert", "query", "level=~yellow|orange", "--receiver=人社局")) == 1
    assert "人社局" in await amtool.ok("config", "show")
    assert "disabled" in await amtool.ok("cluster", "show")

    words = (
        "alertname=DemolitionDispute",
        f"area={VILLAGE}",
        "--annotation=description=砚池巷拆迁补偿未谈妥，20人聚集",
    )
    for _ in range(2):
        await amtool.ok("alert", "add", *words)
    matters = await incidents(served)
    assert sorted(one["category"] for one in matters)[:1] == ["labour.wage_arrears"]
    assert sum(one["category"] == "urban_rural.demolition" for one in matters) == 2, (
        "the blocked road, and once the alert"
    )
    code, _, errors = await amtool.run("alert", "add", "alertname=HighCPULoad", f"area={VILLAGE}")
    assert code != 0
    assert "HighCPULoad" in errors

    other = Amtool.with_key(served.base, "wy_000000000000_wrong", tmp_path)
    code, _, errors = await other.run("alert", "query")
    assert code != 0
    assert "401" in errors


async def test_amtool_makes_lists_changes_and_ends_silences(
    amtool: Amtool, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    made = (
        await amtool.ok("silence", "add", "labour.wage_arrears", "level!=red", "-c", "系统演练", "-d", "1h")
    ).strip()
    listed = await amtool.json("silence", "query")
    assert [(one["id"], one["createdBy"], one["comment"]) for one in listed] == [(made, "值班室", "系统演练")]
    assert len(await amtool.json("silence", "query", "alertname=labour.wage_arrears")) == 1
    assert await amtool.json("alert", "query") == []
    assert len(await amtool.json("alert", "query", "--silenced")) == 1

    longer = await amtool.json("silence", "update", made, "-d", "3h")
    assert [one["id"] for one in longer] == [made]
    await amtool.ok("silence", "expire", made)
    assert await amtool.json("silence", "query") == []
    assert [one["id"] for one in await amtool.json("silence", "query", "--expired")] == [made]
    assert len(await amtool.json("alert", "query")) == 1
    code, _, errors = await amtool.run("silence", "add", "phone=1", "-c", "x")
    assert code != 0
    assert "phone" in errors


async def test_a_real_alertmanager_reports_its_alerts_by_webhook(served: Served, tmp_path: Path) -> None:
    key = await served.key(Scope.REPORT, system="alertmanager")
    webhook = {"url": f"{served.base}/v1/incidents:alertmanager", "send_resolved": True}
    webhook["http_config"] = {"authorization": {"credentials": key}}
    async with alertmanager(tmp_path, webhook) as theirs:
        firing = alert()
        firing.pop("endsAt")
        assert (await theirs.post(ALERTS, json=[firing])).status_code == 200

        async def kept() -> bool:
            return len(await incidents(served)) == 1

        await until(kept)
        resolved = firing | {"endsAt": datetime.now(UTC).isoformat()}
        assert (await theirs.post(ALERTS, json=[resolved])).status_code == 200

        async def told() -> bool:
            text = (await theirs.get("/metrics")).text
            line = next(
                one
                for one in text.splitlines()
                if one.startswith('alertmanager_notifications_total{integration="webhook"')
            )
            return float(line.split()[-1]) >= 2

        await until(told)
        failed = (await theirs.get("/metrics")).text
    lines = [one for one in failed.splitlines() if one.startswith("alertmanager_notifications_failed_total")]
    assert all(float(one.split()[-1]) == 0 for one in lines if 'integration="webhook"' in one)
    assert len(await incidents(served)) == 1, "that it is over is no second report"


async def test_a_real_alertmanager_takes_our_alerts_and_names_them_as_we_do(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient, office: Office, tmp_path: Path
) -> None:
    ok(await reporter.post("/v1/incidents", json=different(1)), 201)
    ok(await reporter.post("/v1/incidents", json=blocked_road()), 201)
    ours = ok(await reader.get(ALERTS))
    with hearing() as (url, got):
        async with alertmanager(tmp_path, {"url": url}) as theirs:
            posted = [
                {name: one[name] for name in ("labels", "annotations", "startsAt", "endsAt", "generatorURL")}
                for one in ours
            ]
            assert (await theirs.post(ALERTS, json=posted)).status_code == 200, "every label and text is one it takes"
            listed = (await theirs.get(ALERTS)).json()
            await until(lambda: len(got) == 2, 20)
    assert {one["fingerprint"] for one in listed} == {one["fingerprint"] for one in ours}
    assert {one["commonLabels"]["warning"] for one in got} == {one["labels"]["warning"] for one in ours}
    assert (await reporter.post("/v1/incidents:alertmanager", json=got[0])).status_code == 400, "not back as a report"


async def test_amtool_reads_the_configuration_that_is_shown(amtool: Amtool, office: Office, tmp_path: Path) -> None:
    original = (await amtool.json("config", "show"))["config"]["original"]
    assert [one["name"] for one in yaml.safe_load(original)["receivers"]] == ["未雨", "人社局"]
    file = tmp_path / "shown.yml"
    file.write_text(original, "utf-8")
    assert "SUCCESS" in await amtool.ok("check-config", str(file))
