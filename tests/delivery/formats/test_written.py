"""What the writers of formats promise whatever the text is, and what the reader of an Ack refuses whatever it gets."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.delivery.formats import atom, cap, cloud_events, json_feed
from service.delivery.formats.alertmanager import fingerprint
from service.delivery.formats.bulletin import Bulletin, Naming
from service.delivery.formats.cap_ack import read_ack
from service.delivery.formats.cap_words import CapWordsError, cap_words
from service.domain.levels import Level
from service.domain.problems import Problem
from service.domain.words import WarningState

NAMING = Naming("yjzx.example", "https://yjzx.example", ZoneInfo("Asia/Shanghai"))
AT = datetime(2026, 11, 22, 1, 30, 5, 123456, tzinfo=UTC)
# What PostgreSQL keeps: everything but U+0000 and lone surrogates.
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)


def bulletin(**changes: Any) -> Bulletin:
    """A yellow warning at its first revision."""
    said: dict[str, Any] = {
        "id": UUID("01a20698-0e27-736d-b678-ca06c7cb4b7a"), "seq": 7, "revision": 1, "kind": "issued", "at": AT,
        "level": Level.YELLOW, "issued_level": Level.YELLOW, "state": WarningState.ISSUED, "unverified": False,
        "area": "990101001001", "area_name": "清河街道第一社区", "category": "labour.wage_arrears",
        "category_name": "欠薪", "headline": "青禾服饰厂欠薪", "note": None, "opened_at": AT, "issued_at": AT,
        "resolved_at": None, "outcome": None, "statutory_report_required": False, "confirmed_by": None,
        "first_level": "labour",
    }  # fmt: skip
    return Bulletin(**said | changes)


@given(TEXTS, TEXTS)
def test_any_text_makes_well_formed_xml_that_says_it_again(headline: str, note: str) -> None:
    one = bulletin(headline=headline, note=note, area_name=headline)
    feed = atom.document([one], atom.Document("", "https://x.example/f", "https://x.example/f", None, False), NAMING)
    for whole in (feed, cap.alert(one, [], NAMING)):
        root = etree.fromstring(whole)
        assert root.findtext("{*}entry/{*}summary", root.findtext("{*}note")) == _kept(note)


def _kept(text: str) -> str:
    """As XML 1.0 reads it back: what it cannot hold is replaced, and each line ends with one character."""
    held = re.sub("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text)
    return re.sub("\r\n?", "\n", held)


@given(st.lists(TEXTS, max_size=3))
def test_any_text_makes_json_that_says_it_again(texts: list[str]) -> None:
    one = bulletin(headline="".join(texts) or "x", reasons=tuple(texts))
    item = json.loads(json_feed.document([one], "https://x.example/f", None, NAMING))["items"][0]
    event = json.loads(cloud_events.batch([one], NAMING))[0]
    assert item["_weiyu"]["reasons"] == event["data"]["reasons"] == texts


def test_an_event_too_large_to_be_forwarded_loses_its_reasons_and_keeps_its_link() -> None:
    large = cloud_events.batch([bulletin(reasons=("长" * 1000,) * 30)], NAMING)
    event = json.loads(large)[0]
    assert len(large) < cloud_events.FORWARDABLE_BYTES
    assert (event["data"]["reasons"], event["data"]["shortened"]) == ([], True)
    assert event["dataref"].endswith(str(bulletin().id))


def test_a_long_headline_is_clipped_for_cap() -> None:
    found = etree.fromstring(cap.alert(bulletin(headline="字" * 200), [], NAMING)).findtext("{*}info/{*}headline")
    assert found == "字" * 159 + "…"


@pytest.mark.parametrize(
    ("changes", "heard"),
    [
        ({}, True),
        ({"kind": "updated"}, True),
        ({"kind": "resolved", "state": WarningState.RESOLVED}, True),
        ({"kind": "cancelled", "state": WarningState.CANCELLED}, True),
        ({"kind": "acknowledged", "state": WarningState.ACKNOWLEDGED}, False),
        ({"kind": "reminded"}, False),
        ({"kind": "opened", "state": WarningState.PENDING_CONFIRMATION, "issued_level": None}, False),
        ({"kind": "updated", "state": WarningState.PENDING_CONFIRMATION}, False),
        ({"kind": "cancelled", "state": WarningState.CANCELLED, "issued_level": None}, False),
    ],
)
def test_a_message_is_what_departments_heard_and_had_not_heard(changes: dict[str, Any], heard: bool) -> None:
    assert cap.is_message(bulletin(**changes)) is heard


@pytest.mark.parametrize(
    ("confirmed_by", "unverified", "certainty"),
    [
        ("值班室", False, "Observed"),
        ("值班室", True, "Likely"),
        (None, False, "Likely"),
        ("常设指令（测试）", False, "Likely"),
    ],
)
def test_red_is_observed_once_a_person_said_so(confirmed_by: str | None, unverified: bool, certainty: str) -> None:
    red = bulletin(level=Level.RED, confirmed_by=confirmed_by, unverified=unverified)
    assert cap_words().certainty(red) == certainty


def test_an_identifier_names_its_warning_and_revision() -> None:
    assert cap.named(cap.identifier(bulletin(revision=12))) == (str(bulletin().id), 12)
    for other in ("", "x.1", f"{bulletin().id}", f"{bulletin().id}.0", f"{bulletin().id}.1 ", f"{bulletin().id}.١"):
        assert cap.named(other) is None, other


def test_the_words_of_cap_are_checked(tmp_path: Any) -> None:
    for number, text in enumerate(("mapping: x", "[]", "levels: {blue: {severity: Bad}}")):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        with pytest.raises(CapWordsError, match=file.name):
            cap_words(file)


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_whatever_comes_as_an_ack_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(Problem):
        read_ack(body)


@given(st.text(alphabet='<>/&;!"= \n\tacklertxmns:[]-' + "预", max_size=120))
def test_torn_xml_is_refused_in_words(inside: str) -> None:
    with contextlib.suppress(Problem):
        read_ack(f'<alert xmlns="{cap.NAMESPACE}">{inside}</alert>'.encode())
        raise AssertionError("there is no Ack in this")


@given(st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_the_name_of_labels_does_not_depend_on_their_order(labels: dict[str, str]) -> None:
    assert fingerprint(labels) == fingerprint(dict(reversed(labels.items())))
