"""The one error table: every refusal leaves as problem+json (RFC 9457) with a stable code and a Chinese detail."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.domain.problems import FieldError, Problem
from service.store.troubles import DatabaseTrouble, problem_of, traits_of

LOG = logging.getLogger(__name__)
RETRY_SECONDS = "2"
MOST_ERRORS = 50  # told of one body: whoever sends a thousand wrong fields learns nothing from the thousandth
PATH_CHARACTERS = 120

# pydantic's error type → what would be right; {…} are filled from the error's own context.
_RIGHT = {
    "missing": "缺少必填字段。",
    "extra_forbidden": "没有这个字段，请删除；可用字段见接口说明。系统不设任何个人信息字段。",
    "timezone_aware": "时间必须带时区偏移，例如 2026-11-22T09:30:00+08:00。",
    "datetime_from_date_parsing": "时间格式应为 2026-11-22T09:30:00+08:00。",
    "datetime_parsing": "时间格式应为 2026-11-22T09:30:00+08:00。",
    "datetime_type": "时间格式应为 2026-11-22T09:30:00+08:00。",
    "string_too_long": "最多 {max_length} 个字符。",
    "string_too_short": "至少 {min_length} 个字符。",
    "string_pattern_mismatch": "格式应符合 {pattern}。",
    "string_type": "应为文字。",
    "string_unicode": "含有不成对的代理字符，不是合法的文字。",
    "nul_character": "含有空字符 U+0000，无法保存，请去掉。",
    "int_type": "应为整数，不带引号。",
    "int_from_float": "应为整数。",
    "int_parsing": "应为整数。",
    "int_parsing_size": "整数过大。",
    "float_type": "应为数字。",
    "float_parsing": "应为数字。",
    "finite_number": "应为有限的数字。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than_equal": "不能大于 {le}。",
    "enum": "只能是：{expected}。",
    "literal_error": "只能是：{expected}。",
    "list_type": "应为数组。",
    "too_long": "最多 {max_length} 项，实际 {actual_length} 项；请分批发送。",
    "too_short": "至少 {min_length} 项。",
    "tuple_type": "应为数组。",
    "uuid_parsing": "应为 UUID。",
    "uuid_type": "应为 UUID。",
    "bool_parsing": "应为 true 或 false。",
    "bool_type": "应为 true 或 false。",
    "date_parsing": "日期格式应为 2026-11-22。",
    "date_from_datetime_parsing": "日期格式应为 2026-11-22。",
    "datetime_object_invalid": "时间格式应为 2026-11-22T09:30:00+08:00。",
    "json_invalid": "请求体不是合法的 JSON：{error}。",
    "model_attributes_type": "应为 JSON 对象。",
    "model_type": "应为 JSON 对象。",
    "dict_type": "应为 JSON 对象。",
}
_BY_STATUS = {
    400: ("unreadable_body", "请求体无法读取：应为 UTF-8 编码的 JSON，嵌套不能过深。"),
    404: ("not_found", "没有这个地址，请核对路径。"),
    405: ("method_not_allowed", "该地址不支持此方法。"),
    413: ("body_too_large", "请求体过大；请减小内容，或分批发送（每批至多 500 条）。"),
}


def field_errors(errors: Sequence[Any], skip: int = 0) -> tuple[FieldError, ...]:
    """pydantic's errors in our words; `skip` leaves out leading parts of the path, such as "body"."""
    told = errors[:MOST_ERRORS]
    return tuple(FieldError(_path(error, skip), error["type"], _right(error)) for error in told)


def not_json() -> Problem:
    """A body that does not say it is JSON."""
    return Problem(415, "unsupported_media_type", "请求体应为 JSON，请求头 Content-Type 应为 application/json。")


def invalid_request(errors: tuple[FieldError, ...]) -> Problem:
    """A body or a parameter that has not the declared shape."""
    return Problem(422, "invalid_request", "请求内容有误，请按 errors 逐项修改后重发。", errors)


def problem_response(problem: Problem) -> JSONResponse:
    """A problem as problem+json."""
    content: dict[str, Any] = {
        "type": f"urn:weiyu:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": _encodable(problem.detail),
    }
    if problem.errors:
        content["errors"] = [{"field": e.field, "code": e.code, "detail": _encodable(e.detail)} for e in problem.errors]
    headers = {"Retry-After": RETRY_SECONDS} if problem.status == 503 else None
    if problem.status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every refusal of the app from this table."""

    async def foreseen(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return _for_amtool(request, problem_response(error))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        if isinstance(error.body, bytes) and error.body:  # left unread, since it did not say it was JSON
            return problem_response(not_json())
        return problem_response(invalid_request(field_errors(error.errors(), skip=1)))

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        response = problem_response(problem_of_status(error))
        response.headers.update(error.headers or {})  # Allow of a 405
        return response

    async def database(_: Request, error: Exception) -> JSONResponse:
        LOG.error("database error", extra=traits_of(error))
        return problem_response(unforeseen_problem(error))

    async def unforeseen(_: Request, error: Exception) -> JSONResponse:
        LOG.error("unforeseen error", exc_info=error)
        return problem_response(unforeseen_problem(error))

    app.add_exception_handler(Problem, foreseen)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(DatabaseTrouble, database)
    app.add_exception_handler(Exception, unforeseen)


def _for_amtool(request: Request, response: JSONResponse) -> JSONResponse:
    """Its client reads nothing but JSON, not even the status beside another type; whoever takes problems gets one."""
    if request.url.path.startswith("/api/v2/") and request.headers.get("accept") == "application/json":
        response.headers["content-type"] = "application/json"
    return response


def problem_of_status(error: HTTPException) -> Problem:
    """What the framework refuses, in our words."""
    code, detail = _BY_STATUS.get(error.status_code, ("refused", f"请求被拒绝：{error.detail}"))
    return Problem(error.status_code, code, detail)


def unforeseen_problem(error: Exception) -> Problem:
    """What the database says of itself; all else is ours."""
    ours = Problem(500, "internal_error", "服务内部出错，本次内容未确认保存；请用同一编号重发，不会重复计入。")
    return problem_of(error) or ours


def _path(error: Any, skip: int) -> str:
    """Dotted; the client's own field names may be long or no text at all."""
    if error["type"] == "json_invalid":  # located by a character's number, which is no field
        return "body"
    named = ".".join(str(part) for part in error["loc"][skip:]) or "body"
    return _encodable(named[:PATH_CHARACTERS])


def _encodable(text: str) -> str:
    """What a client wrote may be quoted in a refusal, and may be no text at all: half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode()


def _right(error: Any) -> str:
    text = _RIGHT.get(error["type"])
    try:
        return text.format(**error.get("ctx", {})) if text else f"内容有误：{error['msg']}"
    except KeyError:
        return f"内容有误：{error['msg']}"
