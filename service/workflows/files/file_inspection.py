"""What a file is by its bytes, and whether it carries what nobody looks at: metadata, thumbnails, scripts, attachments.

A photograph tells where and with whose device it was taken, a PDF who wrote it. Such a file is refused and not cleaned:
its hash is already on record, and a cleaned file would be another one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator

MOST_INFLATED = 32 << 20  # bytes of a PDF's compressed objects that are looked through
PNG_START = b"\x89PNG\r\n\x1a\n"
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_PNG_CHUNKS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs")
)
_SEGMENTS: dict[int, bytes] = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}  # APPn that may stand
_AUTHOR = re.compile(rb"/Author\s*(?:\((?!\))|<(?!\s*>)[0-9A-Fa-f])")
_CREATOR = re.compile(rb"<dc:creator>.*?<rdf:li[^>]*>\s*[^<\s]", re.DOTALL)
_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|Encrypt)\b")
_STREAM = re.compile(rb"stream\r?\n")


def media_type_of(content: bytes) -> str | None:
    """The media type by the first bytes; None for anything but PDF, PNG and JPEG."""
    starts = {b"%PDF-": "application/pdf", PNG_START: "image/png", b"\xff\xd8\xff": "image/jpeg"}
    return next((kind for start, kind in starts.items() if content.startswith(start)), None)


def faults_of(content: bytes) -> list[str]:
    """In Chinese, everything for which the file is not taken; empty for a plain one."""
    look = _LOOKS.get(media_type_of(content) or "")
    if look is None:
        return ["只接受 PDF、PNG、JPEG 文件（按文件内容判断，不看文件名）。"]
    return list(dict.fromkeys(look(content)))


def _jpeg(content: bytes) -> Iterator[str]:
    at, ended = 2, False
    while at + 4 <= len(content) and content[at] == 0xFF and not ended:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        body = content[at + 4 : at + 2 + length]
        if 0xE0 <= marker <= 0xEF or marker == _COM:
            yield from _segment(marker, body)
        at += 2 + length
        if marker == _SOS:
            at = _next_marker(content, at)
            ended = content[at : at + 2] == bytes((0xFF, _EOI))
    if not ended:
        yield "不是完整的 JPEG 文件。"
    elif content[at + 2 :].strip(b"\0"):
        yield "图像之后还有别的内容（如内嵌的预览图）；请另存为不带附加内容的 JPEG。"


def _segment(marker: int, body: bytes) -> Iterator[str]:
    allowed = _SEGMENTS.get(marker)
    has_thumbnail = marker == 0xE0 and body[12:14] not in (b"", b"\0\0")
    if allowed is None or not body.startswith(allowed) or has_thumbnail:
        yield "照片带有元数据（Exif、位置、缩略图或注释）；请去除后按新文件的散列值重新登记材料。"


def _next_marker(content: bytes, at: int) -> int:
    """Past the image data: FF 00 and restarts belong to it."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return len(content)
        if content[at + 1] != 0 and not 0xD0 <= content[at + 1] <= 0xD7:
            return at
        at += 2


def _png(content: bytes) -> Iterator[str]:
    at, name = len(PNG_START), b""
    while at + 12 <= len(content) and name != b"IEND":
        length, name = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if name not in _PNG_CHUNKS:
            yield "图片带有元数据（Exif、文字或其他附加块）；请去除后按新文件的散列值重新登记材料。"
        at += 12 + length
    if name != b"IEND" or at > len(content):
        yield "不是完整的 PNG 文件。"
    elif at < len(content):
        yield "图像之后还有别的内容；请另存为不带附加内容的 PNG。"


def _pdf(content: bytes) -> Iterator[str]:
    if b"%%EOF" not in content[-1024:]:
        yield "不是完整的 PDF 文件。"
    for part in (content, *_inflated(content)):
        if _ACTIVE.search(part):
            yield "PDF 带有脚本、附件、启动动作或加密；请另存为普通 PDF 后重新登记。"
        if _AUTHOR.search(part) or _CREATOR.search(part):
            yield "PDF 的属性中有作者；请清除文档属性后按新文件的散列值重新登记材料。"


def _inflated(content: bytes) -> Iterator[bytes]:
    """The compressed parts that hold objects or metadata, as far as they can be read."""
    left = MOST_INFLATED
    for found in _STREAM.finditer(content):
        told = content[max(0, found.start() - 400) : found.start()].rpartition(b"obj")[2]
        if b"/ObjStm" in told or b"/Metadata" in told:
            try:
                part = zlib.decompressobj().decompress(content[found.end() :], left)
            except zlib.error:
                continue
            left -= len(part)
            yield part
            if left <= 0:
                return


_LOOKS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "application/pdf": _pdf, "image/png": _png, "image/jpeg": _jpeg,
}  # fmt: skip
