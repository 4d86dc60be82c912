"""企业微信, 钉钉, 飞书: what each is told, how it is signed, and what its answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest

from service.delivery.channels.dingtalk import DingTalkChannel
from service.delivery.channels.feishu import FeishuChannel
from service.delivery.channels.robots import RobotChannel
from service.delivery.channels.wecom import MOST_BYTES, WeComChannel
from service.delivery.message import test_body as trial_body
from service.delivery.parcel import Tools
from service.delivery.result import Verdict
from service.domain.problems import Problem
from tests.delivery.channels.conftest import LINK_BASE, NOW, parcel
from tests.delivery.receivers import answers, listening
from tests.makers import NOON

TAKEN = b'{"errcode":0,"errmsg":"ok"}'
ROBOTS = [(WeComChannel, b'{"errcode":%d}'), (DingTalkChannel, b'{"errcode":%d}'), (FeishuChannel, b'{"code":%d}')]


def text_of(said: dict[str, dict[str, str]]) -> str:
    return said.get("text", {}).get("content") or said.get("content", {}).get("text", "")


@pytest.mark.parametrize(("channel", "answer"), ROBOTS)
async def test_a_robot_is_told_headline_level_place_and_link(
    tools: Tools, channel: type[RobotChannel], answer: bytes
) -> None:
    async with listening(answers("200 OK", body=answer % 0)) as robot:
        result = await channel(tools).push(parcel(robot.url + "?key=k"))

    assert (result.verdict, result.error) == (Verdict.DELIVERED, None)
    [(_, headers, body)] = robot.requests
    said = text_of(json.loads(body))
    assert said.startswith("【黄色预警·示例】示例预警")
    assert "示例街道" in said
    assert LINK_BASE in said
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(("channel", "answer"), ROBOTS)
@pytest.mark.parametrize("body", [b"%d", b"", b"<html>ok</html>", b"[]"])
async def test_an_answer_200_that_does_not_say_it_was_taken_is_no_delivery(
    tools: Tools, channel: type[RobotChannel], answer: bytes, body: bytes
) -> None:
    async with listening(answers("200 OK", body=answer % 40058 if body == b"%d" else body)) as robot:
        result = await channel(tools).push(parcel(robot.url))
    assert (result.verdict, result.error) == (Verdict.RETRY, "refused_by_gateway")


@pytest.mark.parametrize(
    ("channel", "code", "verdict"),
    [
        (WeComChannel, 45009, Verdict.THROTTLE),
        (WeComChannel, 93000, Verdict.GONE),
        (DingTalkChannel, 130101, Verdict.THROTTLE),
        (DingTalkChannel, 300005, Verdict.GONE),
    ],
)
async def test_a_robot_that_is_pressed_or_gone_says_so_by_its_code(
    tools: Tools, channel: type[RobotChannel], code: int, verdict: Verdict
) -> None:
    async with listening(answers("200 OK", body=b'{"errcode":%d}' % code)) as robot:
        assert (await channel(tools).push(parcel(robot.url))).verdict is verdict


async def test_dingtalk_gets_time_and_signature_in_the_address(tools: Tools) -> None:
    async with listening(answers("200 OK", body=TAKEN)) as robot:
        await DingTalkChannel(tools).push(parcel(robot.url + "?access_token=t", "SECabc"))

    given = {name: values[0] for name, values in parse_qs(urlsplit(robot.requests[0][0]).query).items()}
    wanted = hmac.new(b"SECabc", f"{NOW}000\nSECabc".encode(), hashlib.sha256).digest()
    assert given == {"access_token": "t", "timestamp": f"{NOW}000", "sign": base64.b64encode(wanted).decode()}
    assert unquote_plus(robot.requests[0][0]).count("sign=") == 1


async def test_feishu_gets_time_and_signature_in_the_body(tools: Tools) -> None:
    async with listening(answers("200 OK", body=b'{"StatusCode":0}')) as robot:
        result = await FeishuChannel(tools).push(parcel(robot.url, "key"))

    said = json.loads(robot.requests[0][2])
    wanted = hmac.new(f"{NOW}\nkey".encode(), b"", hashlib.sha256).digest()
    assert (said["timestamp"], said["sign"]) == (str(NOW), base64.b64encode(wanted).decode())
    assert result.verdict is Verdict.DELIVERED


async def test_a_text_too_long_for_wecom_is_cut_between_characters(tools: Tools) -> None:
    body = trial_body(NOON).replace("连通性测试".encode(), "长".encode() * 2000)
    async with listening(answers("200 OK", body=TAKEN)) as robot:
        await WeComChannel(tools).push(parcel(robot.url, body=body))

    said = text_of(json.loads(robot.requests[0][2]))
    assert MOST_BYTES - 3 < len(said.encode()) <= MOST_BYTES


@pytest.mark.parametrize("channel", [WeComChannel, DingTalkChannel, FeishuChannel])
async def test_a_robot_passes_the_same_guard(tools: Tools, channel: type[RobotChannel]) -> None:
    with pytest.raises(Problem, match="endpoint_denied_address"):
        await channel(tools).check("https://10.0.0.1/robot")
    result = await channel(tools).push(parcel("https://10.0.0.1/robot?key=k"))
    assert (result.error, result.verdict) == ("denied_address", Verdict.RETRY)
