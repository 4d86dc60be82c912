"""Models: a tampered one is refused, a challenger is not heard, promotion and rollback reach every process."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from service.scoring.artefact import LARGEST_BYTES
from service.scoring.features import feature_hash
from tests.journeys.conftest import ok
from tests.journeys.shared import refused
from tests.makers import COUNTY, report
from tests.model_files import SHIPPED, SHIPPED_VERSION, Change, bolder, files
from tests.served import Served, serving, until


async def why_of_a_report(reporter: httpx.AsyncClient, reader: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = ok(await reporter.post("/v1/incidents", json=report(**changes)), 201)
    why: dict[str, Any] = ok(await reader.get(f"/v1/matters/{answer['matter_id']}/why"))
    return why


async def roles(reader: httpx.AsyncClient) -> dict[str, str]:
    return {one["version"]: one["role"] for one in ok(await reader.get("/v1/models"))}


async def test_the_model_that_ships_is_the_first_champion_and_shows_its_card(reader: httpx.AsyncClient) -> None:
    card = json.loads((SHIPPED / "card.json").read_text("utf-8"))

    shown = ok(await reader.get("/v1/model"))
    in_words = await reader.get("/v1/model", headers={"Accept": "text/markdown"})
    (event,) = ok(await reader.get("/v1/models/events"))

    assert (shown["usable"], shown["version"], shown["role"]) == (True, SHIPPED_VERSION, "champion")
    assert (shown["sha256"], shown["synthetic"], shown["card"]) == (card["sha256"], True, card)
    assert in_words.headers["content-type"].startswith("text/markdown")
    assert in_words.text == (SHIPPED / "card.md").read_text("utf-8")
    assert (event["kind"], event["version"], event["actor"]) == ("taken_in", SHIPPED_VERSION, "本服务")


async def test_a_score_keeps_the_row_its_hash_names(reporter: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    why = await why_of_a_report(reporter, reader)

    assert why["model_version"] == SHIPPED_VERSION
    assert feature_hash(why["score"]["features"]) == why["feature_hash"]


async def test_rules_and_model_are_told_alone_and_together_and_what_is_prior(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    why = await why_of_a_report(reporter, reader)
    small = ok(await reporter.post("/v1/incidents", json=report(people_affected=2, text="一户漏水")), 201)
    unscored = ok(await reader.get(f"/v1/matters/{small['matter_id']}/why"))

    rules, both = why["score"]["pooled"]["rules"], why["score"]["pooled"]["both"]
    alone = f"规则单独 {rules:.0%}，模型单独 {why['probability']:.0%}，合并 {both:.0%}"
    assert min(rules, why["probability"]) <= both <= max(rules, why["probability"])
    assert why["in_words"]["pooled"].startswith(alone)
    assert why["score"]["prior_share"] == 1.0
    assert "全部来自先验" in why["in_words"]["prior"]
    assert (unscored["score"]["pooled"], unscored["in_words"]) == (None, {"pooled": None, "prior": None})


async def test_a_warning_tells_rules_and_model_together_as_its_matter_does(
    reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    made = ok(await reporter.post("/v1/incidents", json=report()), 201)

    of_matter = ok(await reader.get(f"/v1/matters/{made['matter_id']}/why"))
    of_warning = ok(await reader.get(f"/v1/warnings/{made['warnings'][0]}/why"))

    assert of_warning["judgement"]["in_words"] == of_matter["in_words"]


UNSOUND: dict[str, tuple[Change | None, dict[str, Any], str]] = {
    "other bytes than the card says": (None, {"sha256": "0" * 64}, "SHA-256"),
    "another feature schema": (lambda m: m.update(feature_schema_hash="0" * 64), {}, "特征定义"),
    "not a number": (lambda m: m.update(intercept=float("nan")), {}, "JSON"),
    "beyond numbers": (lambda m: m["parts"]["people_log"].update(when_missing=float("inf")), {}, "JSON"),
    "out of range": (lambda m: m.update(intercept=1e300), {}, "有限数"),
    "a feature too few": (lambda m: m["parts"].pop("people_log"), {}, "特征清单"),
    "not our format": (lambda m: m.update(format="pickle"), {}, "格式"),
    "a card that says real": (None, {"synthetic": False}, "synthetic"),
    "measures that are no numbers": (None, {"metrics": {"auc": float("nan")}}, "JSON"),
    "half a character": (None, {"file": "\ud800"}, "JSON"),
}


@pytest.mark.parametrize("fault", UNSOUND)
async def test_a_model_that_does_not_agree_with_itself_is_refused_and_nothing_changes(
    admin: httpx.AsyncClient, fault: str
) -> None:
    change, on_card, said = UNSOUND[fault]

    body = refused(await admin.post("/v1/models", json=files("1.0", change, **on_card)), 422, "model_refused")

    assert said in body["detail"]
    assert await roles(admin) == {SHIPPED_VERSION: "champion"}


async def test_a_model_with_a_strange_version_or_size_is_refused(admin: httpx.AsyncClient) -> None:
    for version in ("", "../1", "a b", "x" * 65, "一"):
        refused(await admin.post("/v1/models", json=files(version)), 422, "model_refused")
    padded = files("1.0")["model"] + " " * LARGEST_BYTES
    for body in ({"model": padded, "card": "{}"}, {"model": "{}"}, {**files("1.0"), "role": "champion"}):
        refused(await admin.post("/v1/models", json=body), 422, "invalid_request")
    assert await roles(admin) == {SHIPPED_VERSION: "champion"}


async def test_a_version_is_taken_once(admin: httpx.AsyncClient) -> None:
    ok(await admin.post("/v1/models", json=files("1.0")), 201)

    refused(await admin.post("/v1/models", json=files("1.0")), 409, "model_known")
    refused(await admin.post("/v1/models", json=files("1.0", bolder)), 409, "version_taken")


async def test_a_challenger_scores_in_shadow_and_changes_no_level(
    admin: httpx.AsyncClient, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    before = await why_of_a_report(reporter, reader, text="东街路灯不亮")
    ok(await admin.post("/v1/models", json=files("bold-1", bolder)), 201)

    after = await why_of_a_report(reporter, reader, text="西苑小区停水多日", area="990101002001")

    assert before["score"]["shadows"] == []
    (shadow,) = after["score"]["shadows"]
    assert (shadow["version"], after["model_version"]) == ("bold-1", SHIPPED_VERSION)
    assert shadow["probability"] > 0.4 > after["probability"]
    assert (after["level"], after["model_level"]) == (before["level"], before["model_level"])
    assert "bold-1" not in json.dumps(after["reasons"])


async def test_a_second_challenger_retires_the_first(admin: httpx.AsyncClient) -> None:
    for version in ("a", "b"):
        ok(await admin.post("/v1/models", json=files(version)), 201)

    assert await roles(admin) == {SHIPPED_VERSION: "champion", "b": "challenger", "a": "retired"}


async def test_promotion_and_rollback_are_one_call_each_and_recorded(
    admin: httpx.AsyncClient, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    refused(await admin.post("/v1/models/rollback", json={}), 409, "no_model_before")
    ok(await admin.post("/v1/models", json=files("bold-1", bolder)), 201)

    promoted = ok(await admin.post("/v1/models/bold-1/promote", json={"reason": "旁路两个月更准"}))
    by_bold = await why_of_a_report(reporter, reader, text="东街路灯不亮")
    back = ok(await admin.post("/v1/models/rollback", json={"reason": "误报过多"}))
    by_old = await why_of_a_report(reporter, reader, text="西街下水道堵塞")

    assert (promoted["role"], promoted["promoted_by"], back["version"]) == ("champion", "管理员", SHIPPED_VERSION)
    assert (by_bold["model_version"], by_old["model_version"]) == ("bold-1", SHIPPED_VERSION)
    assert by_bold["probability"] > by_old["probability"]
    newest = ok(await admin.get("/v1/models/events"))[:2]
    assert [(e["kind"], e["version"], e["actor"], e["reason"]) for e in newest] == [
        ("rolled_back", SHIPPED_VERSION, "管理员", "误报过多"),
        ("promoted", "bold-1", "管理员", "旁路两个月更准"),
    ]
    assert [e["body"]["replaced"] for e in newest] == ["bold-1", SHIPPED_VERSION]
    refused(await admin.post(f"/v1/models/{SHIPPED_VERSION}/promote", json={}), 409, "already_champion")
    refused(await admin.post("/v1/models/none/promote", json={}), 404, "not_found")


async def test_an_answer_says_what_the_model_in_use_learned_from(
    admin: httpx.AsyncClient, reporter: httpx.AsyncClient
) -> None:
    async def said(text: str) -> str | None:
        told: str | None = ok(await reporter.post("/v1/incidents", json=report(text=text)), 201)["model_trained_on"]
        return told

    assert await said("东街路灯不亮") == "模拟事项 (synthetic)"
    real = files("real-1", lambda model: model.update(synthetic=False), synthetic=False)
    ok(await admin.post("/v1/models", json=real), 201)
    ok(await admin.post("/v1/models/real-1/promote", json={}))
    assert await said("西苑小区停水多日") == "真实事项 (real)"
    assert (await admin.put("/v1/model/judging", json={"by": "rules", "reason": "试"})).status_code == 204
    assert await said("北门污水外溢") is None


async def test_a_second_process_follows_promotion_and_rollback_within_seconds(
    served: Served, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    async with serving(served.database_url, tmp_path) as second:
        there = await second.client(Scope.READ)
        reporting = await second.client(Scope.REPORT, system="second")

        async def judges(version: str) -> bool:
            text = f"第{version}次反映路灯不亮"
            return bool((await why_of_a_report(reporting, there, text=text))["model_version"] == version)

        ok(await admin.post("/v1/models", json=files("bold-1", bolder)), 201)
        ok(await admin.post("/v1/models/bold-1/promote", json={}))
        await until(lambda: judges("bold-1"), every=0.3)
        ok(await admin.post("/v1/models/rollback", json={}))
        await until(lambda: judges(SHIPPED_VERSION), every=0.3)


async def test_a_restart_keeps_the_promoted_model_and_the_shipped_one_takes_no_office(
    served: Served, admin: httpx.AsyncClient
) -> None:
    ok(await admin.post("/v1/models", json=files("bold-1", bolder)), 201)
    ok(await admin.post("/v1/models/bold-1/promote", json={}))

    await served.restart()

    assert await roles(await served.client(Scope.READ)) == {"bold-1": "champion", SHIPPED_VERSION: "retired"}


@pytest.mark.parametrize("vouched", [False, True])
async def test_a_model_changed_in_the_database_is_not_run_and_the_rules_say_why(
    served: Served, reporter: httpx.AsyncClient, reader: httpx.AsyncClient, vouched: bool
) -> None:
    changed = files(SHIPPED_VERSION, bolder)
    with psycopg.connect(served.database_url) as connection:
        connection.execute("UPDATE model_version SET artefact = %s", [changed["model"].encode()])
        if vouched:
            connection.execute("UPDATE model_version SET card = %s", [changed["card"].encode()])
    await served.restart()
    reader, reporter = await served.client(Scope.READ), await served.client(Scope.REPORT, system="again")
    admin = await served.client(Scope.ADMINISTER)

    why = await why_of_a_report(reporter, reader)

    assert (why["probability"], why["model_version"]) == (None, None)
    assert "SHA-256" in why["score"]["why_none"]
    assert ok(await reader.get("/v1/model"))["usable"] is False
    (notice,) = ok(await admin.get("/v1/operations/notices"))
    assert (notice["code"], notice["grave"]) == ("no_model", True)


async def test_judging_is_handed_to_the_rules_and_back_and_the_model_goes_on_in_shadow(
    admin: httpx.AsyncClient, reporter: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    path, why = "/v1/model/judging", {"reason": "核对分类口径"}
    refused(await admin.put(path, json={"by": "model"} | why), 409, "already_judging")

    assert (await admin.put(path, json={"by": "rules"} | why)).status_code == 204
    by_rules = await why_of_a_report(reporter, reader, text="东街路灯不亮")
    assert (await admin.put(path, json={"by": "model"} | why)).status_code == 204
    by_model = await why_of_a_report(reporter, reader, text="西街下水道堵塞")

    assert by_rules["probability"] is None
    assert "已交回规则：核对分类口径" in by_rules["score"]["why_none"]
    assert any("已交回规则" in reason["text"] for reason in by_rules["reasons"])
    assert [one["version"] for one in by_rules["score"]["shadows"]] == [SHIPPED_VERSION]
    assert feature_hash(by_rules["score"]["features"]) == by_rules["feature_hash"]
    assert by_model["model_version"] == SHIPPED_VERSION
    kinds = [event["kind"] for event in ok(await reader.get("/v1/models/events"))]
    assert kinds == ["handed_back", "handed_to_rules", "taken_in"]


async def test_models_are_changed_by_administrators_of_everywhere_only(
    served: Served, reader: httpx.AsyncClient
) -> None:
    local = await served.client(Scope.ADMINISTER, area=COUNTY)
    for client, code in ((reader, "scope_missing"), (local, "outside_key_area")):
        refused(await client.post("/v1/models", json=files("1.0")), 403, code)
        refused(await client.post("/v1/models/1.0/promote", json={}), 403, code)
        refused(await client.post("/v1/models/rollback", json={}), 403, code)
        refused(await client.put("/v1/model/judging", json={"by": "rules", "reason": "试"}), 403, code)
    refused(await reader.get("/v1/operations/notices"), 403, "scope_missing")


async def test_a_card_of_another_learner_is_told_entry_by_entry(admin: httpx.AsyncClient) -> None:
    made = files("other-1", bolder)
    card = {name: value for name, value in json.loads(made["card"]).items() if name not in ("metrics", "trained_on")}
    card |= {"sha256": sha256(made["model"].encode()).hexdigest(), "learner": {"kind": "line"}}
    ok(await admin.post("/v1/models", json={"model": made["model"], "card": json.dumps(card)}), 201)
    ok(await admin.post("/v1/models/other-1/promote", json={}))

    text = (await admin.get("/v1/model", headers={"Accept": "text/markdown"})).text

    assert text.startswith("# Model card: other-1")
    assert "- learner:\n  - kind: line" in text


async def test_names_that_no_model_can_have_are_refused_before_anything_is_asked(admin: httpx.AsyncClient) -> None:
    for name in ("%00", "x" * 3000, "%ED%A0%80", "a%0A"):
        refused(await admin.post(f"/v1/models/{name}/promote", json={}), 422, "invalid_request")
        refused(await admin.get(f"/v1/performance?version={name}"), 422, "invalid_request")
    assert ok(await admin.get("/v1/performance?version=never-seen"))["months"] == []
