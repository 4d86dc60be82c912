"""Files of one JSON object a line, read whole. A fault is said with file and line, never with what stood there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from service.workflows.files.table_rows import FileRefused

T = TypeVar("T")
FAULTS_SHOWN = 20


def read_lines(path: Path, read: Callable[[dict[str, Any]], T]) -> list[T]:
    """Every line as `read` makes it. Raises FileRefused with the first faults as `file:line: message`."""
    found, faults = read_apart(path, read)
    if faults:
        more = [f"……共 {len(faults)} 行有误。"] * (len(faults) > FAULTS_SHOWN)
        raise FileRefused([*faults[:FAULTS_SHOWN], *more])
    return found


def read_apart(path: Path, read: Callable[[dict[str, Any]], T]) -> tuple[list[T], list[str]]:
    """What could be read, and what is wrong with the other lines."""
    found, faults = [], []
    for number, row in _objects(path):
        try:
            found.append(read(_checked(row)))
        except (KeyError, ValueError, TypeError) as error:
            faults.append(f"{path}:{number}: {_why(error)}")
    return found, faults


def read_object(path: Path) -> dict[str, Any]:
    """The one JSON object of a file. Raises FileRefused."""
    try:
        return _checked(json.loads(_text(path)))
    except ValueError as error:
        raise FileRefused([f"{path}:{getattr(error, 'lineno', 1)}: {_why(error)}"]) from None


def _objects(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.strip():
            yield number, _parsed(line)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        return error


def _checked(row: Any) -> dict[str, Any]:
    if isinstance(row, ValueError):
        raise row
    if not isinstance(row, dict):
        raise ValueError("应为一个 JSON 对象")
    return row


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise FileRefused([f"{path}: 读不到文件：{error.strerror}"]) from None
    except UnicodeDecodeError:
        raise FileRefused([f"{path}: 不是 UTF-8 文本"]) from None


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"不是合规的 JSON（第 {error.colno} 列）"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"字段 {'.'.join(map(str, first['loc']))} 不合要求（{first['type']}）"
    if isinstance(error, KeyError):
        return f"缺少字段 {error.args[0]}"
    return str(error) if type(error) is ValueError else "内容不合要求"
