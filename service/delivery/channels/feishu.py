"""飞书群机器人: with 签名校验 the body carries time and signature of the moment; 100 messages a minute."""

from __future__ import annotations

import base64
import hmac
from typing import Any, ClassVar

from service.delivery.channels.robots import RobotChannel
from service.delivery.parcel import Parcel


class FeishuChannel(RobotChannel):
    """A robot of a Feishu group; its secret is given by Feishu."""

    code_names: ClassVar[tuple[str, ...]] = ("code", "StatusCode")
    too_fast: ClassVar[frozenset[int]] = frozenset({9499, 11232, 11233})  # 频率限制

    def request(self, parcel: Parcel, text: str) -> tuple[str, dict[str, Any]]:
        said: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        if parcel.address.secrets:
            signed = sign(parcel.address.secrets[0], parcel.now_unix)
            said |= {"timestamp": str(parcel.now_unix), "sign": signed}
        return parcel.address.url, said


def sign(secret: str, seconds: int) -> str:
    """HMAC-SHA256 of nothing, under time, newline and secret as the key: so it is documented."""
    return base64.b64encode(hmac.digest(f"{seconds}\n{secret}".encode(), b"", "sha256")).decode()
