"""pydantic's answers as positioned faults in Chinese, for every file of rules and thresholds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from service.rules.plain_yaml import Path
from service.rules.positions import Document, hint

M = TypeVar("M", bound=BaseModel)
Inside = Mapping[str, type[BaseModel]]  # which model stands under a key; needed to know the keys allowed there


class Part(BaseModel):
    """Base of what stands in a file: unknown keys are refused and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_WANTED = {
    "string_type": "要写文字（数字样的文字请加引号）",
    "int_type": "要写整数",
    "float_type": "要写数字",
    "bool_type": "要写 true 或 false",
    "list_type": "要写列表",
    "dict_type": "要写一组键值",
    "model_type": "要写一组键值",
    "date_type": "要写日期，如 2026-01-01",
    "date_from_datetime_inexact": "要写日期，如 2026-01-01",
    "string_too_short": "不能为空",
    "too_short": "不能为空",
    "finite_number": "要写有限的数",
}


def validated(model: type[M], document: Document, path: Path, inside: Inside, rule_id: str | None = None) -> M | None:
    """The data at `path` as `model`, or None with its faults noted in `document`."""
    try:
        return model.model_validate(_at(document.data, path))
    except ValidationError as failure:
        for error in failure.errors(include_url=False):
            _note(document, path, error, (model, inside, rule_id))
        return None


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def _note(
    document: Document, path: Path, error: ErrorDetails, known: tuple[type[BaseModel], Inside, str | None]
) -> None:
    model, inside, rule_id = known
    where: Path = (*path, *error["loc"])
    message = _message(error, _model_at(model, inside, error["loc"]))
    at_key = error["type"] == "extra_forbidden"
    document.fault(where, message, rule_id, at_key=at_key)


def _model_at(model: type[BaseModel], inside: Inside, loc: Path) -> type[BaseModel]:
    names = [step for step in loc[:-1] if isinstance(step, str)]
    return inside.get(names[-1], model) if names else model


def _message(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind = error["type"]
    name = next((step for step in reversed(error["loc"]) if isinstance(step, str)), "")
    if kind == "extra_forbidden":
        keys = [field.alias or key for key, field in model.model_fields.items()]
        return f"不认识的键 ‘{name}’{hint(name, keys)}"
    if kind == "missing":
        return f"缺少键 ‘{name}’"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    return f"‘{name}’ {_wanted(error)}，得到 ‘{str(error['input'])[:60]}’"


def _wanted(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        return f"只能是 {'、'.join(words)}{hint(error['input'], words)}"
    if kind == "string_pattern_mismatch":
        return f"不符合格式 {context['pattern']}"
    if kind == "too_short" and context["min_length"] > 1:
        return f"至少要写 {context['min_length']} 项"
    if kind == "too_long":
        return f"至多写 {context['max_length']} 项"
    if kind == "greater_than_equal":
        return f"不能小于 {context['ge']}"
    if kind == "less_than_equal":
        return f"不能大于 {context['le']}"
    return _WANTED.get(kind, error["msg"])
