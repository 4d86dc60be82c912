"""Which model judges: taken in, promoted, rolled back, handed over to the rules; followed by every process.

The files lie in the database, so that every process runs the same bytes; each loads them by their hash.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.problems import Problem, not_found
from service.scoring.artefact import Artefact, ModelRefused, load_artefact, read_artefact
from service.scoring.features import feature_schema_hash
from service.scoring.holder import InUse, ModelHolder
from service.scoring.pooling import Learned, Pooler, PoolingError, read_learned
from service.scoring.scorer import Scorer
from service.store import models, scores
from service.store.engine import Row
from service.store.reference import change
from service.workflows.parts import Doors

LOG = logging.getLogger(__name__)
SERVICE = "本服务"  # what the service does by itself
VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something with models (an office or a system, never a person), when, and why."""

    by: str
    now: datetime
    reason: str | None = None

    def of(self, kind: str, version: str, **body: Any) -> Row:
        """The event that is kept of it."""
        return {"at": self.now, "kind": kind, "version": version, "actor": self.by, "reason": self.reason, "body": body}


@dataclass(slots=True)
class Models:
    """Keeps this process's models in step with the registry. `shipped` is the folder of the model that ships."""

    doors: Doors
    holder: ModelHolder
    shipped: Path
    _seen: tuple[tuple[Any, ...], ...] | None = None

    async def take_shipped(self, now: datetime) -> None:
        """Take in the model that ships: as champion where there is none yet, else as challenger where there is none.

        A newer one never judges by itself: whoever answers for the service promotes it. An unusable one is logged.
        """
        try:
            artefact = load_artefact(self.shipped)
        except ModelRefused as refused:
            LOG.warning("the model that ships cannot be used", extra={"why": refused.detail})
            return
        async with self.doors.transaction() as connection:
            await models.lock(connection)
            if await models.by_version(connection, artefact.scorer.version) is None:
                held = {row["role"] for row in await models.roles(connection)}
                role = next((each for each in ("champion", "challenger") if each not in held), "retired")
                await _keep(connection, artefact, role, Act(SERVICE, now, "随程序提供"))

    async def take(self, content: bytes, card: bytes, act: Act) -> Row:
        """Take in a challenger; the one before is retired. Raises Problem 409 or 422 and then changes nothing."""
        artefact = _sound(content, card)
        version = artefact.scorer.version
        async with self.doors.transaction() as connection:
            await models.lock(connection)
            known = await models.by_version(connection, version)
            if known is not None:
                raise _taken(known, artefact)
            before = await models.in_role(connection, "challenger")
            if before is not None:
                await _retire(connection, before["version"], act)
            await _keep(connection, artefact, "challenger", act)
        await self.follow()
        return await self.one(version)

    async def promote(self, version: str, act: Act) -> Row:
        """Let a model judge in every process. Raises Problem 404, 409 or 422."""
        async with self.doors.transaction() as connection:
            await models.lock(connection)
            chosen = await models.by_version(connection, version)
            if chosen is None:
                raise not_found("模型", version)
            await _enthrone(connection, chosen, act, "promoted")
        await self.follow()
        return await self.one(version)

    async def roll_back(self, act: Act) -> Row:
        """Let the model judge again that judged before the champion was promoted. Raises Problem 409 or 422."""
        async with self.doors.transaction() as connection:
            await models.lock(connection)
            champion = await models.in_role(connection, "champion")
            before = champion and champion["champion_before"]
            chosen = await models.by_version(connection, before) if before else None
            if chosen is None:
                raise Problem(409, "no_model_before", "在用模型之前没有别的模型，无从退回。")
            await _enthrone(connection, chosen, act, "rolled_back")
        await self.follow()
        return await self.one(chosen["version"])

    async def judge_by(self, who: str, act: Act, accepted: list[str], *, anew: bool = False) -> None:
        """Hand judging to the `rules`, or back to the `model` with what is known and accepted of it.

        `anew`: what the model meets from now on becomes what later is compared with. Raises Problem 409.
        """
        async with self.doors.transaction() as connection:
            if anew:  # waits for who is counting in the old bins, before the registry is locked: counting amends it
                await scores.read_to(connection)
            await models.lock(connection)
            champion = await models.in_role(connection, "champion")
            if champion is None:
                raise Problem(409, "no_model", "还没有在用的模型。")
            await hand_over(connection, champion, act) if who == "rules" else await _hand_back(
                connection, champion, act, accepted
            )
            if anew:
                await models.amend(connection, champion["version"], {"reference": None, "sample": None})
                await scores.drop_tallies(connection, champion["version"])
        await self.follow()

    async def pool_by(self, learned: Learned | None, version: str, act: Act) -> None:
        """Combine rules and the champion as `learned`, or as stated. Raises Problem 409 when it is champion no more."""
        async with self.doors.transaction() as connection:
            await models.lock(connection)
            champion = await models.in_role(connection, "champion")
            if champion is None or champion["version"] != version:
                raise Problem(409, "not_champion", f"模型 {version} 已不在用，请重新学习合并权重。")
            plain = learned.plain() if learned else None
            await models.amend(connection, version, {"pooling": plain})
            await models.note(connection, act.of("pooled", version, pooling=plain))
            await change(connection)
        await self.follow()

    async def one(self, version: str) -> Row:
        async with self.doors.engine.connect() as connection:
            row = await models.by_version(connection, version)
        if row is None:
            raise not_found("模型", version)
        return row

    async def follow(self) -> None:
        """Take over what any process did. What cannot be trusted is left out, and why is said."""
        async with self.doors.engine.connect() as connection:
            found = tuple(tuple(row.values()) for row in await models.roles(connection))
            if found == self._seen or not found:
                return
            champion = await models.in_role(connection, "champion")
            challenger = await models.in_role(connection, "challenger")
        self.holder.current = in_use(champion, challenger)
        self._seen = found


def in_use(champion: Row | None, challenger: Row | None) -> InUse:
    """What scores, by the rows of the registry. A champion that was handed over still scores in shadow."""
    shadows = [scorer for scorer, _ in [_loaded(challenger)] if scorer is not None]
    scorer, why = _loaded(champion)
    if champion is not None and champion["handed_over_because"] is not None:
        shadows = [scorer, *shadows] if scorer else shadows
        return InUse(None, f"已交回规则：{champion['handed_over_because']}", tuple(shadows))
    return InUse(scorer, why, tuple(shadows), _pooler(champion))


def _pooler(champion: Row | None) -> Pooler | None:
    if champion is None or champion["pooling"] is None:
        return None
    try:
        return Pooler(read_learned(champion["pooling"]))
    except PoolingError as error:
        LOG.error("a learned pooling cannot be used, the stated one holds", extra={"why": str(error)})
        return None


async def hand_over(connection: AsyncConnection, champion: Row, act: Act) -> None:
    """Let the rules judge in the champion's place; the registry must be locked in this transaction."""
    await models.amend(connection, champion["version"], {"handed_over_because": act.reason})
    await models.note(connection, act.of("handed_to_rules", champion["version"]))
    await change(connection)


async def _hand_back(connection: AsyncConnection, champion: Row, act: Act, accepted: list[str]) -> None:
    if champion["handed_over_because"] is None:
        raise Problem(409, "already_judging", "在用模型并未交回规则，无需恢复。")
    changes = {"handed_over_because": None, "accepted": accepted}
    await models.amend(connection, champion["version"], changes)
    await models.note(connection, act.of("handed_back", champion["version"], accepted=accepted))
    await change(connection)


async def _enthrone(connection: AsyncConnection, chosen: Row, act: Act, kind: str) -> None:
    """Only what loads here may judge: its bytes are checked against its hash once more."""
    if chosen["role"] == "champion":
        raise Problem(409, "already_champion", f"模型 {chosen['version']} 已在用。")
    _sound(chosen["artefact"], chosen["card"])
    champion = await models.in_role(connection, "champion")
    before = champion["version"] if champion else None
    if champion is not None:
        retired = {"role": "retired", "role_since": act.now, "handed_over_because": None}
        await models.amend(connection, champion["version"], retired)
    crowned = {"role": "champion", "role_since": act.now, "promoted_by": act.by, "accepted": []}
    if kind == "promoted":
        crowned["champion_before"] = before
    await models.amend(connection, chosen["version"], crowned)
    await models.note(connection, act.of(kind, chosen["version"], replaced=before))
    await change(connection)


async def _retire(connection: AsyncConnection, version: str, act: Act) -> None:
    await models.amend(connection, version, {"role": "retired", "role_since": act.now})
    await models.note(connection, act.of("retired", version))


async def _keep(connection: AsyncConnection, artefact: Artefact, role: str, act: Act) -> None:
    scorer = artefact.scorer
    await models.add(
        connection,
        {
            "version": scorer.version, "sha256": artefact.sha256, "feature_schema": feature_schema_hash(),
            "horizon_days": scorer.horizon_days, "synthetic": scorer.synthetic, "artefact": artefact.content,
            "card": artefact.card_content, "role": role, "role_since": act.now, "taken_at": act.now,
            "taken_by": act.by,
        },
    )  # fmt: skip
    await models.note(connection, act.of("taken_in", scorer.version, role=role, sha256=artefact.sha256))
    await change(connection)


def _sound(content: bytes, card: bytes) -> Artefact:
    try:
        artefact = read_artefact(content, card)
    except ModelRefused as refused:
        raise Problem(422, "model_refused", refused.detail) from refused
    if not re.fullmatch(VERSION_PATTERN, artefact.scorer.version):
        raise Problem(422, "model_refused", "模型版本须为 1–64 个字母、数字、点、横线或下划线，以字母或数字开头。")
    return artefact


def _taken(known: Row, artefact: Artefact) -> Problem:
    if known["sha256"] == artefact.sha256:
        return Problem(409, "model_known", f"模型 {known['version']} 已登记（{known['role']}）。")
    return Problem(409, "version_taken", f"版本 {known['version']} 已登记为另一份文件，请换版本号。")


def _loaded(row: Row | None) -> tuple[Scorer | None, str | None]:
    if row is None:
        return None, "没有在用的模型"
    try:
        artefact = read_artefact(row["artefact"], row["card"], row["version"])
    except ModelRefused as refused:
        LOG.error("a registered model cannot be used", extra={"version": row["version"], "why": refused.detail})
        return None, refused.detail
    if artefact.sha256 != row["sha256"]:  # both files were changed, and agree with each other
        return None, f"模型 {row['version']} 的文件与登记的 SHA-256 不一致，文件可能被改动，未载入。"
    return artefact.scorer, None
