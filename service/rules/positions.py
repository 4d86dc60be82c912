"""Reading YAML so that every value remembers its line and column, and every fault is collected.

Plain data only: duplicate keys, anchors, aliases, own tags, several documents and great depth are refused, so a file
says exactly what it shows. PyYAML's composer carries the marks; its SafeLoader gives scalars their types.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from pathlib import Path as FilePath
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from service.rules.plain_yaml import DEEPEST, EQUALS_TAG, PLAIN_TAGS, NotPlain, Path, PlainReader, Spot

MOST_BYTES = 512 * 1024  # a rulebook of thirty rules has about 30 kB; the reader takes seconds per megabyte


@dataclass(frozen=True, slots=True)
class LoadError:
    """One fault in a file; reads as `file:line:column RULE-ID: message`."""

    file: str
    line: int
    column: int
    rule_id: str | None
    message: str

    def __str__(self) -> str:
        rule = f" {self.rule_id}" if self.rule_id else ""
        return f"{self.file}:{self.line}:{self.column}{rule}: {self.message}"


class LoadFailure(Exception):
    """A file cannot be used; `errors` holds every fault found, in the order of the file."""

    def __init__(self, errors: Iterable[LoadError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.file, error.line, error.column)))
        super().__init__("\n".join(map(str, self.errors)))


@dataclass(slots=True)
class Document:
    """The plain data of a file and where each of its keys and values stands. Faults gather in `errors`."""

    file: str
    data: Any = None
    values: dict[Path, Spot] = field(default_factory=dict)
    keys: dict[Path, Spot] = field(default_factory=dict)
    errors: list[LoadError] = field(default_factory=list)

    def fault(self, path: Path, message: str, rule_id: str | None = None, at_key: bool = False) -> None:
        """Note a fault at a value (or at its key); a path that is not there counts as its nearest parent."""
        spots = self.keys if at_key else self.values
        while path and path not in spots:
            path, spots = path[:-1], self.values
        line, column = spots.get(path, (1, 1))
        self.errors.append(LoadError(self.file, line, column, rule_id, message))


def hint(word: object, known: Iterable[str]) -> str:
    """` (did you mean ‘x’?)` with the known word most like this one; empty when none is like it."""
    near = get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f" (did you mean ‘{near[0]}’?)" if near else ""


def read_source(source: FilePath | str | bytes, name: str | None = None) -> Document:
    """Read a file (a path) or a text. Never raises for what the content holds: faults stand in `errors`."""
    document = Document(name or (str(source) if isinstance(source, FilePath) else "<text>"))
    text = _text_of(source, document)
    if text is not None:
        _fill(document, text)
    return document


def _text_of(source: FilePath | str | bytes, document: Document) -> str | None:
    try:
        raw = _bytes_of(source)
    except OSError as error:
        document.fault((), f"读不到文件：{error.strerror or error}")
        return None
    if len(raw) > MOST_BYTES:
        document.fault((), f"文件太大：超过 {MOST_BYTES // 1024} KiB，请拆成几个文件")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        document.values[()] = _spot_in(before, len(before))
        document.fault((), "不是 UTF-8 文本：文件是二进制的，或用了别的编码")
        return None


def _bytes_of(source: FilePath | str | bytes) -> bytes:
    if isinstance(source, FilePath):
        with source.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    return source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")


def _fill(document: Document, text: str) -> None:
    if not _is_printable(document, text) or _filled_fast(document, text):
        return
    loader = _Loader(text, document)
    try:
        node = loader.get_single_node()
        if node is None:
            document.fault((), "文件是空的")
        else:
            document.data = _Builder(document, loader).build(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.values[()] = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        document.fault((), f"不是合法的 YAML：{error.problem or error.context}（以 > < ! 开头的运算符要加引号）")
    finally:
        loader.dispose()


def _filled_fast(document: Document, text: str) -> bool:
    """By the compiled parser, ten times as fast; False when the text is not faultless.

    A text with any fault is read again in plain Python, so that its faults are always told in the same words.
    """
    reader = PlainReader(text)
    try:
        document.data = reader.read()
    except NotPlain:
        return False
    document.values, document.keys = reader.values, reader.keys
    return True


def _is_printable(document: Document, text: str) -> bool:
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if unprintable:
        document.values[()] = _spot_in(text, unprintable.start())
        document.fault((), f"含有不可见的控制字符 U+{ord(unprintable.group()):04X}：这不是文本文件")
    return unprintable is None


def _spot_in(text: str, index: int) -> Spot:
    start = text.rfind("\n", 0, index) + 1
    return text.count("\n", 0, index) + 1, index - start + 1


class _Loader(yaml.SafeLoader):
    """Notes anchors and aliases instead of following them, and stops at too great a depth."""

    def __init__(self, text: str, document: Document) -> None:
        super().__init__(text)
        self._document = document
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark: yaml.Mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            self._note(mark, f"不许用别名 ‘*{event.anchor}’，请把内容写出来")
            self.get_event()  # type: ignore[no-untyped-call]
            return ScalarNode("tag:yaml.org,2002:null", "null", mark)
        if getattr(event, "anchor", None):
            self._note(mark, f"不许用锚点 ‘&{event.anchor}’")
            event.anchor = None
        if self._depth >= DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"嵌套超过 {DEEPEST} 层", problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _note(self, mark: yaml.Mark, message: str) -> None:
        error = LoadError(self._document.file, mark.line + 1, mark.column + 1, None, message)
        self._document.errors.append(error)


class _Builder:
    """Turns nodes into plain data while noting where each stands."""

    def __init__(self, document: Document, loader: _Loader) -> None:
        self._document = document
        self._loader = loader

    def build(self, node: Node, path: Path) -> Any:
        self._document.values[path] = _spot(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(child, (*path, place)) for place, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else "?"
            here = (*path, key)
            if key in result:
                self._fault_at(key_node, f"键 ‘{key}’ 重复，前一个在第 {self._document.keys[here][0]} 行")
                continue
            self._document.keys[here] = _spot(key_node)
            if not isinstance(key_node, ScalarNode):
                self._fault_at(key_node, "键必须是文字")
            result[key] = self.build(value_node, here)
        return result

    def _scalar(self, node: Node, path: Path) -> Any:
        if node.tag == EQUALS_TAG:
            return node.value
        if node.tag not in PLAIN_TAGS:
            self._document.fault(path, f"不认识的标签 ‘{node.tag}’；以 ! 开头的运算符要加引号")
            return None
        try:
            value = self._loader.construct_object(node)
        except (ValueError, OverflowError):
            self._document.fault(path, f"‘{node.value[:40]}’ 不是有效的日期或数字")
            return None
        if isinstance(value, float) and not isfinite(value):
            self._document.fault(path, f"‘{node.value}’ 不是有限的数")
            return None
        return value

    def _fault_at(self, node: Node, message: str) -> None:
        line, column = _spot(node)
        self._document.errors.append(LoadError(self._document.file, line, column, None, message))


def _spot(node: Node) -> Spot:
    return node.start_mark.line + 1, node.start_mark.column + 1
