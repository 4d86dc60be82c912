"""Signatures of pushes by Standard Webhooks 1.0.0, with an HMAC-SM3 variant for places under cipher review (密评)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets as dice
from collections.abc import Sequence

from service.domain.problems import Problem

KEY_BYTES = 32  # of a new secret; the standard asks for 24 to 64
_KEY_LENGTHS = range(24, 65)
# Prefix of the stored secret → (identifier in the signature list, digest). `v1` is the standard's; `v1sm3` is a private
# identifier, which verifiers that do not know it skip. A token always has its comma: the Python reference verifier
# dies with a bare ValueError on one without.
_KINDS = {"whsec_": ("v1", "sha256"), "whsm3_": ("v1sm3", "sm3")}


def new_secret() -> str:
    """A fresh key for one endpoint: `whsec_` and the base64 of 32 random bytes."""
    return "whsec_" + base64.b64encode(dice.token_bytes(KEY_BYTES)).decode()


def new_sm3_secret() -> str:
    """A fresh key for the SM3 signature that goes beside, never instead of, the standard one."""
    return "whsm3_" + base64.b64encode(dice.token_bytes(KEY_BYTES)).decode()


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one token per secret, in their order, separated by spaces.

    During a rotation give the new key and the old ones. `timestamp` is in unix seconds, of this attempt; `body` is what
    is sent, to the byte. Raises Problem `bad_secret` or `no_secret`; ValueError for an id with a dot or a space.
    """
    if not message_id or "." in message_id or not message_id.isascii() or not message_id.isprintable():
        raise ValueError(f"a message id is printable ASCII without a dot, not {message_id!r}")
    if not any(secret.startswith("whsec_") for secret in secrets):
        raise Problem(422, "no_secret", "该推送地址没有 whsec_ 签名密钥，请先生成密钥。")
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(_token(secret, content) for secret in secrets)


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of the standard. `webhook-id` is the same for all attempts: the key against repeats."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, message_id, timestamp, body),
    }


def _token(secret: str, content: bytes) -> str:
    identifier, digest, key = _key_of(secret)
    return f"{identifier},{base64.b64encode(hmac.digest(key, content, digest)).decode()}"


def _key_of(secret: str) -> tuple[str, str, bytes]:
    identifier, digest = _KINDS.get(secret[:6], ("", ""))
    try:
        key = base64.b64decode(secret[6:], validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not identifier or len(key) not in _KEY_LENGTHS:
        raise Problem(422, "bad_secret", "签名密钥格式不对：应为 whsec_ 加 24 至 64 个随机字节的 base64，请重新生成。")
    return identifier, digest, key
