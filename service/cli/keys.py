"""weiyu keys create | list | revoke."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from service.cli.common import SAY, database, foreseen, settings_from
from service.cli.working import parts
from service.domain.problems import Problem, not_found
from service.domain.words import Scope
from service.store import keys
from service.store.engine import Row

app = typer.Typer(help="密钥：创建、列出、吊销", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="用途或系统名，例如 网格系统")],
    scope: Annotated[list[Scope], typer.Option(help="权限，可多次给出")],
    area: Annotated[str | None, typer.Option(help="限定区划（12 位），缺省为全部")] = None,
    system: Annotated[str | None, typer.Option(help="上报系统名；事件编号在同一系统内唯一。缺省同名称")] = None,
    department: Annotated[str | None, typer.Option(help="代表的单位（名称或编号）；签收、答复必需")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="有效天数，缺省不限")] = None,
) -> None:
    """创建密钥；只显示这一次。"""

    async def made(connection: AsyncConnection) -> str:
        department_id = None
        if department is not None:
            department_id = await keys.department_named(connection, department)
            if department_id is None:
                raise not_found("单位", department)
        if area is not None and not await keys.knows_area(connection, area):
            raise not_found("区划", area)
        expires = datetime.now(UTC) + timedelta(days=days) if days else None
        more = {"system": system, "department_id": department_id, "expires_at": expires}
        return await keys.create(connection, name, scope, area, **more)

    print(_in_transaction(made))


@app.command(name="list")
def list_keys() -> None:
    """列出密钥（不含密文）。"""
    rows: list[Row] = _in_transaction(keys.listed)
    for row in rows:
        state = "已吊销" if row["revoked_at"] else "有效"
        print(f"{row['id']}  {state}  {row['name']}  [{','.join(row['scopes'])}]  区域 {row['area'] or '全部'}")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="密钥编号：wy_ 之后的一段")]) -> None:
    """吊销密钥；运行中的服务两秒内不再接受它。"""

    async def revoked(connection: AsyncConnection) -> None:
        if not await keys.revoke(connection, key_id.removeprefix("wy_").split("_")[0], datetime.now(UTC)):
            raise Problem(404, "not_found", f"没有编号为 {key_id} 的有效密钥；用 weiyu keys list 查看。")

    _in_transaction(revoked)
    SAY.print(f"已吊销 {key_id}")


def _in_transaction(work: Any) -> Any:
    settings = settings_from()

    async def run(url: str) -> Any:
        async with parts(settings, url) as (doors, _), doors.transaction() as connection:
            return await work(connection)

    with foreseen(), database(settings) as url:
        return asyncio.run(run(url))
