"""The file of an evidence, kept only when declared free of personal data: a notice, a plan, a photo of a place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from service.domain.problems import FieldError, Problem, not_found
from service.store import filed, projects
from service.store.engine import Row
from service.store.tables_filed import EvidenceFileTable
from service.store.tables_project import EvidenceTable
from service.workflows.answering import Actor
from service.workflows.files.file_inspection import faults_of, media_type_of
from service.workflows.projects import Changing, changing
from service.workflows.telling import Work

MOST_BYTES = 5_000_000
KINDS = {"notice": "notice", "plan": "plan", "place_photo": "photograph"}  # kind of file → kind of evidence
IMAGES = ("image/png", "image/jpeg")


@dataclass(frozen=True, slots=True)
class FileOrder:
    """A file as it came. `declared`: what the office vouches for; `said`: the media type it was sent with."""

    kind: str
    declared: str
    said: str
    content: bytes


async def keep_file(work: Work, actor: Actor, evidence: tuple[UUID, UUID], order: FileOrder) -> Row:
    """Keep the file of an evidence (project, evidence). Raises Problem 409, 413, 415 or 422."""
    media_type = _sound(order)
    async with changing(work, evidence[0], actor) as change:
        row = await change.belonging(EvidenceTable, evidence[1], "材料")
        _check(row, order)
        known = await projects.row(change.connection, EvidenceFileTable, row["id"])
        if known is not None and known["removed_at"] is None:
            return known
        kept = {
            "id": row["id"], "project_id": row["project_id"], "kind": order.kind, "declared": order.declared,
            "media_type": media_type, "size": len(order.content), "stored_at": work.now, "removed_at": None,
        }  # fmt: skip
        stored = await change.put(EvidenceFileTable, kept, "evidence file stored", {"declared": order.declared})
        await filed.put_content(change.connection, row["id"], order.content)
        return stored


async def remove_file(work: Work, actor: Actor, evidence: tuple[UUID, UUID]) -> Row:
    """Delete the bytes for good, as when somebody is recognised after all; that there was a file stays on record."""
    async with changing(work, evidence[0], actor) as change:
        known = await _kept(change, evidence[1])
        await filed.drop_content(change.connection, evidence[1])
        return await change.put(EvidenceFileTable, known | {"removed_at": work.now}, "evidence file removed")


def _sound(order: FileOrder) -> str:
    if len(order.content) > MOST_BYTES:
        raise Problem(413, "body_too_large", f"文件超过 {MOST_BYTES // 1_000_000} MB；请压缩后按新文件重新登记。")
    found = media_type_of(order.content)
    if found is None or found != order.said:
        detail = "只接受 PDF、PNG、JPEG 文件，且 Content-Type 须与文件内容一致。"
        raise Problem(415, "unsupported_media_type", detail)
    if order.kind == "place_photo" and found not in IMAGES:
        raise Problem(415, "unsupported_media_type", "场所照片须为 PNG 或 JPEG。")
    faults = faults_of(order.content)
    if faults:
        errors = tuple(FieldError("file", "refused", fault) for fault in faults)
        raise Problem(422, "file_refused", "文件未保存；请按 errors 处理后重新登记材料并上传。", errors)
    return found


def _check(evidence: Row, order: FileOrder) -> None:
    if evidence["withdrawn_at"] is not None:
        raise Problem(409, "evidence_withdrawn", "材料已经撤回，不能再上传文件。")
    if evidence["kind"] != KINDS[order.kind]:
        detail = f"只能保存公告、方案、场所照片的文件；本材料登记的种类是 {evidence['kind']}，其原件留在责任单位。"
        raise Problem(422, "file_refused", detail, (FieldError("kind", "other_kind", detail),))
    if hashlib.sha256(order.content).hexdigest() != evidence["sha256"]:
        detail = "文件的 SHA-256 与材料登记的不一致；请上传登记时的那一份文件。"
        raise Problem(422, "file_refused", detail, (FieldError("file", "other_hash", detail),))


async def _kept(change: Changing, evidence_id: UUID) -> Row:
    row = await change.belonging(EvidenceFileTable, evidence_id, "文件")
    if row["removed_at"] is not None:
        raise not_found("文件", evidence_id)
    return row
