"""The SMS gateway: an operator's template, filled so that nothing in a headline can break out of it."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from service.delivery.channels.sms import SmsChannel, SmsOptions
from service.delivery.message import example_body
from service.delivery.parcel import Address, Parcel, Tools
from service.delivery.result import Verdict
from tests.delivery.channels.conftest import LINK_BASE, NOW, parcel
from tests.delivery.receivers import answers, listening
from tests.makers import NOON

JSON = '{"to":["10650000"],"content":"$text","key":"${id}"}'


async def test_a_gateway_gets_the_filled_template_and_its_authorization(tools: Tools) -> None:
    async with listening(answers("200 OK", body=b'{"code":"OK"}')) as gateway:
        sent = parcel(gateway.url, "Bearer abc", template=JSON, accepted='"code":"OK"')
        result = await SmsChannel(tools).push(sent)

    [(_, headers, body)] = gateway.requests
    said = json.loads(body)
    assert said["to"] == ["10650000"]
    assert said["key"] == "msg_1"
    assert said["content"].startswith("【黄色预警·示例】")
    assert said["content"].endswith(LINK_BASE + "/v1/warnings/00000000-0000-7000-8000-000000000000")
    assert len(said["content"]) <= 200
    assert headers["authorization"] == "Bearer abc"
    assert result.verdict is Verdict.DELIVERED


@pytest.mark.parametrize("kind", ["json", "form"])
async def test_a_headline_cannot_break_out_of_the_template(tools: Tools, kind: str) -> None:
    nasty = '"],"to":["1"]&to=2\\n$id%26'
    body = json.loads(example_body(NOON, LINK_BASE))
    body["data"]["headline"] = nasty
    template = JSON if kind == "json" else "to=10650000&content=$text"
    async with listening(answers("200 OK")) as gateway:
        address = Address(gateway.url, (), {"template": template, "body": kind})
        await SmsChannel(tools).push(Parcel(address, "msg_1", json.dumps(body).encode(), NOW))

    raw = gateway.requests[0][2].decode()
    said = json.loads(raw) if kind == "json" else dict(parse_qs(raw))
    assert said["to"] == ["10650000"]
    assert nasty in (said["content"] if kind == "json" else said["content"][0])


async def test_an_answer_without_the_accepted_words_is_no_delivery(tools: Tools) -> None:
    async with listening(answers("200 OK", body=b'{"code":"LIMIT"}')) as gateway:
        result = await SmsChannel(tools).push(parcel(gateway.url, template=JSON, accepted='"code":"OK"'))
    assert (result.verdict, result.error) == (Verdict.RETRY, "refused_by_gateway")


@pytest.mark.parametrize("template", ["no place for it", "$texts", "", "x" * 3000 + "$text"])
def test_a_template_has_a_place_for_the_text(template: str) -> None:
    with pytest.raises(ValidationError):
        SmsOptions(template=template)
