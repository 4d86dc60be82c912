"""A CAP Ack, read without trust: no document type, no entity, shallow, small. What it says is taken, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from service.delivery.formats.cap import NAMESPACE
from service.domain.problems import FieldError, Problem

MOST_BYTES = 64 * 1024
MOST_REFERENCES = 50
DEEPEST = 12
NOTE_CHARACTERS = 500
_NEEDED = ("identifier", "sender", "sent", "status", "msgType", "scope", "references")
_ONCE = (*_NEEDED, "note")
_SENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_RIGHT = f"应为 CAP 1.2 消息（根元素 alert，命名空间 {NAMESPACE}）"


@dataclass(frozen=True, slots=True)
class Reference:
    """A message that is acknowledged, as its sender wrote it."""

    sender: str
    identifier: str
    sent: str


@dataclass(frozen=True, slots=True)
class Ack:
    """Who acknowledges which messages, with what note."""

    identifier: str
    sender: str
    status: str
    note: str | None
    references: tuple[Reference, ...]


def read_ack(body: bytes) -> Ack:
    """Raises Problem: 413 too large, 400 no XML (with line and column), 422 no CAP Ack (field by field)."""
    if len(body) > MOST_BYTES:
        raise Problem(413, "body_too_large", f"CAP 签收消息不得超过 {MOST_BYTES // 1024} KiB，一次至多签收 50 条。")
    said = _Reader().read(body)
    errors = [FieldError(name, "missing", "缺少必填元素。") for name in _NEEDED if not any(said.get(name, []))]
    errors += [FieldError(name, "repeated", "只能出现一次。") for name in _ONCE if len(said.get(name, [])) > 1]
    if errors:
        raise _wrong(errors)
    one = {name: texts[0] for name, texts in said.items()}
    if one["msgType"] != "Ack":
        raise _wrong([FieldError("msgType", "not_an_ack", "这里只接受 msgType 为 Ack 的签收消息。")])
    if not _SENT.fullmatch(one["sent"]):
        raise _wrong(
            [FieldError("sent", "bad_instant", "时间格式应为 2026-11-22T09:30:00+08:00（不用 Z，不带小数）。")]
        )
    note = one.get("note") or None
    if note and len(note) > NOTE_CHARACTERS:
        raise _wrong([FieldError("note", "string_too_long", f"最多 {NOTE_CHARACTERS} 个字符。")])
    return Ack(one["identifier"], one["sender"], one["status"], note, _references(one["references"]))


def _references(text: str) -> tuple[Reference, ...]:
    found = [triple.split(",") for triple in text.split()]
    if not found or any(len(parts) != 3 or not all(parts) for parts in found):
        raise _wrong([FieldError("references", "bad_reference", "应为以空格分隔的“sender,identifier,sent”三元组。")])
    if len(found) > MOST_REFERENCES:
        raise _wrong([FieldError("references", "too_long", f"一次至多签收 {MOST_REFERENCES} 条。")])
    return tuple(dict.fromkeys(Reference(*parts) for parts in found))


class _Reader:
    """Gathers the texts of the elements right below `alert`; the rest is only walked over."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._texts: dict[str, list[str]] = {}
        self._pieces: list[str] = []

    def read(self, body: bytes) -> Mapping[str, list[str]]:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._pieces.append
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            where = f"第 {error.lineno} 行第 {error.offset + 1} 列"
            raise Problem(400, "unreadable_xml", f"请求体不是合法的 XML：{where}有误；{_RIGHT}。") from None
        except (LookupError, ValueError):  # an encoding nobody knows
            raise Problem(400, "unreadable_xml", f"请求体的编码无法识别，请用 UTF-8；{_RIGHT}。") from None
        return self._texts

    def _refuse_doctype(self, *_: Any) -> None:
        raise Problem(400, "doctype_refused", "XML 中不得有 DOCTYPE 或实体声明，请去掉后重发。")

    def _start(self, name: str, _: dict[str, str]) -> None:
        if not self._path and name != f"{NAMESPACE} alert":
            raise Problem(422, "invalid_cap", f"{_RIGHT}。")
        if len(self._path) >= DEEPEST:
            raise Problem(422, "invalid_cap", f"XML 嵌套不得超过 {DEEPEST} 层。")
        self._path.append(name)
        self._pieces.clear()

    def _end(self, name: str) -> None:
        space, _, local = name.rpartition(" ")
        if len(self._path) == 2 and space == NAMESPACE:
            self._texts.setdefault(local, []).append("".join(self._pieces).strip())
        self._path.pop()


def _wrong(errors: list[FieldError]) -> Problem:
    return Problem(422, "invalid_cap", "CAP 签收消息有误，请按 errors 逐项修改后重发。", tuple(errors))
