"""Faultless plain YAML, read straight from the compiled parser's events: twice as fast as by way of its nodes.

Whatever is out of the ordinary (anchor, tag, key twice, great depth, fault) is left to service.rules.positions,
which says what is wrong with it.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from yaml.nodes import ScalarNode

DEEPEST = 40
EQUALS_TAG = "tag:yaml.org,2002:value"  # a bare = has a tag of its own in YAML 1.1; here it is text
PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp"))

Path = tuple[str | int, ...]
Spot = tuple[int, int]  # line and column, both from 1

_COMPILED: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAY_BE_MORE_THAN_TEXT = frozenset(_COMPILED.yaml_implicit_resolvers)  # first characters


class NotPlain(Exception):
    """The text is not faultless plain YAML, or only after a closer look."""


class PlainReader:
    """Reads one text; `values` and `keys` say where each value and each key stands."""

    def __init__(self, text: str) -> None:
        self.values: dict[Path, Spot] = {}
        self.keys: dict[Path, Spot] = {}
        self._text = text

    def read(self) -> Any:
        """The data. Raises NotPlain."""
        try:
            self._parser = _COMPILED(self._text)
            self._next: Any = self._parser.get_event
            return self._document()
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise NotPlain from error

    def _document(self) -> Any:
        self._pass(StreamStartEvent)
        self._pass(DocumentStartEvent)
        data = self._value(self._next(), ())
        self._pass(DocumentEndEvent)
        self._pass(StreamEndEvent)
        return data

    def _pass(self, kind: type) -> None:
        if type(self._next()) is not kind:
            raise NotPlain

    def _value(self, event: Any, path: Path) -> Any:
        kind = type(event)
        if kind not in (ScalarEvent, MappingStartEvent, SequenceStartEvent) or len(path) >= DEEPEST:
            raise NotPlain
        if event.anchor is not None or event.tag is not None:
            raise NotPlain
        self.values[path] = _spot(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        return self._mapping(path) if kind is MappingStartEvent else self._sequence(path)

    def _sequence(self, path: Path) -> list[Any]:
        result: list[Any] = []
        while type(event := self._next()) is not SequenceEndEvent:
            result.append(self._value(event, (*path, len(result))))
        return result

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while type(event := self._next()) is not MappingEndEvent:
            if type(event) is not ScalarEvent or event.anchor is not None or event.value in result:
                raise NotPlain
            here = (*path, event.value)
            self.keys[here] = _spot(event)
            result[event.value] = self._value(self._next(), here)
        return result

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        is_quoted = not event.implicit[0]
        if is_quoted or (text and text[0] not in _MAY_BE_MORE_THAN_TEXT):
            return text
        tag = self._parser.resolve(ScalarNode, text, event.implicit)
        return text if tag == EQUALS_TAG else self._typed(ScalarNode(tag, text, event.start_mark))

    def _typed(self, node: ScalarNode) -> Any:
        if node.tag not in PLAIN_TAGS:
            raise NotPlain
        value = self._parser.construct_object(node)
        if isinstance(value, float) and not isfinite(value):
            raise NotPlain
        return value


def _spot(event: Any) -> Spot:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
