"""CloudEvents as the public SDK reads them, under the same signature as ever; and what proves an address."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook

from service.delivery.channels.webhook import WebhookChannel
from service.delivery.parcel import Address, Tools
from service.delivery.signing import new_secret, new_sm3_secret
from tests.delivery.channels.conftest import BODY, NOW, parcel
from tests.delivery.receivers import answers, listening
from tests.makers import NOON

SECRET = new_secret()


@pytest.mark.parametrize("form", ["cloudevents", "cloudevents-binary"])
async def test_the_sdk_reads_what_arrived_and_the_signature_is_over_the_same_bytes(tools: Tools, form: str) -> None:
    async with listening(answers("200 OK")) as receiver:
        await WebhookChannel(tools).push(parcel(receiver.url, SECRET, new_sm3_secret(), format=form))

    [(_, headers, content)] = receiver.requests
    event = from_http(HTTPMessage(headers, content), JSONFormat(), CloudEvent)
    assert (event.get_id(), event.get_type()) == ("msg_1", "weiyu.warning.example")
    assert event.get_source() == "tag:weiyu,2026:warnings"
    assert event.get_time() == NOON
    assert event.get_data() == json.loads(BODY)["data"]
    assert (event.get_extension("severitytext"), str(event.get_extension("severitynumber"))) == ("黄", "13")
    assert event.get_subject() == json.loads(BODY)["data"]["id"]
    assert headers["webhook-request-origin"] == "weiyu.example"
    assert [token.split(",")[0] for token in headers["webhook-signature"].split()] == ["v1", "v1sm3"]
    signed = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(NOW, UTC), content.decode())
    assert signed in headers["webhook-signature"].split()


async def test_no_header_of_a_binary_event_holds_what_a_header_cannot(tools: Tools) -> None:
    said = json.loads(BODY)
    said["data"]["id"] = "预警/橙色 %1"
    async with listening(answers("200 OK")) as receiver:
        sent = parcel(receiver.url, SECRET, body=json.dumps(said).encode(), format="cloudevents-binary")
        await WebhookChannel(tools).push(sent)
    headers = receiver.requests[0][1]
    assert headers["ce-subject"] == "%E9%A2%84%E8%AD%A6/%E6%A9%99%E8%89%B2%20%251"
    assert "ce-datacontenttype" not in headers


@pytest.mark.parametrize(
    ("status", "header", "consents"),
    [
        ("200 OK", "WebHook-Allowed-Origin: weiyu.example", True),
        ("204 No Content", "WebHook-Allowed-Origin: *", True),
        ("200 OK", "WebHook-Allowed-Origin: other.example", False),
        ("200 OK", "Allow: POST", False),
        ("405 Method Not Allowed", "WebHook-Allowed-Origin: *", False),
    ],
)
async def test_a_receiver_consents_by_naming_us(tools: Tools, status: str, header: str, consents: bool) -> None:
    async with listening(answers(status, header, body=b"")) as receiver:
        assert await WebhookChannel(tools).consents(receiver.url, NOW) is consents
    assert receiver.requests[0][1]["webhook-request-origin"] == "weiyu.example"


@pytest.mark.parametrize(("wrap", "proven"), [(True, True), (False, True), (None, False)])
async def test_a_challenge_that_comes_back_proves_the_address(tools: Tools, wrap: bool | None, proven: bool) -> None:
    receivers: list[list[tuple[str, dict[str, str], bytes]]] = []

    async def manners(writer: asyncio.StreamWriter) -> None:
        challenge = json.loads(receivers[0][-1][2])["data"]["challenge"]
        said = {True: json.dumps({"challenge": challenge}), False: challenge, None: '{"challenge": "other"}'}[wrap]
        await answers("200 OK", body=said.encode())(writer)

    async with listening(manners) as receiver:
        receivers.append(receiver.requests)
        found, _ = await WebhookChannel(tools).echoes(Address(receiver.url, (SECRET,)), "msg_1", NOW)
    assert found is proven
