"""Whether what was recorded is still what stands in the database: trails of projects, texts that judged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from service.rules.positions import read_source
from service.rules.rulebook import digest, hashed
from service.store import filed, rulebooks, trail
from service.store.engine import Row


@dataclass(frozen=True, slots=True)
class Verified:
    """How much was looked at, and in Chinese everything that does not agree."""

    projects: int
    texts: int
    found: tuple[str, ...]


async def verify(connection: AsyncConnection) -> Verified:
    """Every project's trail with the rows it speaks of, and by their hashes every kept text of rules, laws and methods
    and every kept file of evidence."""
    known, texts = await trail.projects(connection), await rulebooks.everything(connection)
    found = [
        f"项目 {one.project_id} 第 {one.number} 条：{one.what}"
        for project_id in known
        for one in await trail.broken(connection, project_id)
    ]
    found += [
        f"{row['name']} {row['version']} 的条文被改动（{row['hash'][:12]}…）" for row in texts if not _is_whole(row)
    ]
    found += [
        f"项目 {row['project_id']} 的材料 {row['id']}：所存文件缺失或与登记的散列值不符"
        for row in await filed.altered(connection)
    ]
    return Verified(len(known), len(texts), tuple(found))


def _is_whole(row: Row) -> bool:
    """Laws and methods are kept in their canonical form, rulebooks as they were written."""
    body: str = row["body"]
    is_canonical = body.startswith(("[", "{"))
    found = hashed(body) if is_canonical else digest(read_source(body, row["name"]).data)
    return found == str(row["hash"])
