"""What went wrong in the database, in words that may leave the house: its own text may quote the row it refused."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from service.domain.problems import Problem

DatabaseTrouble = SQLAlchemyError
# Passing faults: no connection, a connection cut, no free place in the pool, a statement cancelled. A statement that
# the database does not understand is not among them: sending the request again would never help.
_PASSING = (OperationalError, InterfaceError, TimeoutError, psycopg.OperationalError)


def problem_of(error: Exception) -> Problem | None:
    """What the database refuses is the request's fault; a database that is away is a passing fault; else None."""
    if isinstance(error, DataError):
        detail = "请求中有数据库无法保存的内容（如空字符 U+0000 或超出范围的数），请去掉后重发。"
        return Problem(422, "unstorable_value", detail)
    if isinstance(error, IntegrityError):
        return Problem(409, "conflicting_record", "与已有记录冲突，或引用的记录刚被删除；请重新读取后再提交。")
    if isinstance(error, _PASSING):
        detail = "数据库暂时不可用，本次内容未确认保存；请按 Retry-After 用同一编号重发。"
        return Problem(503, "database_unavailable", detail)
    return None


def traits_of(error: Exception) -> dict[str, str | None]:
    """For the log: the error's kind and SQLSTATE, nothing of its text."""
    return {"cause": type(error).__name__, "sqlstate": getattr(getattr(error, "orig", None), "sqlstate", None)}
