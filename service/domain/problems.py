"""Errors that are foreseen: each has a stable English code and a Chinese sentence that says what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field: where (dotted path), a stable code, and what would be right."""

    field: str
    code: str
    detail: str


class Problem(Exception):
    """A foreseen refusal. `status` is the HTTP answer it becomes; the command line prints `detail`."""

    def __init__(self, status: int, code: str, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors


def not_found(what: str, name: object) -> Problem:
    """404 for a thing that is not there or that the viewer may not see; both look alike."""
    return Problem(404, "not_found", f"没有找到{what}“{name}”，请核对编号与权限范围。")
