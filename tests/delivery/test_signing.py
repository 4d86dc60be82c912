from __future__ import annotations

import base64
import hashlib
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from service.delivery.signing import headers, new_secret, new_sm3_secret, sign
from service.domain.problems import Problem

PUBLISHED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_published_vector_comes_out() -> None:
    token = sign([PUBLISHED], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert token == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_has_32_random_bytes() -> None:
    first, second = new_secret(), new_secret()
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first[6:])) == 32
    assert first != second


def test_both_keys_of_a_rotation_verify() -> None:
    current, old, foreign = new_secret(), new_secret(), new_secret()
    sent = headers([current, old], "msg_1", int(time.time()), BODY)
    for secret in (current, old):
        assert Webhook(secret).verify(BODY, sent) == {"test": 2432232314}
    with pytest.raises(WebhookVerificationError):
        Webhook(foreign).verify(BODY, sent)


def test_a_changed_body_id_or_time_does_not_verify() -> None:
    secret = new_secret()
    sent = headers([secret], "msg_1", int(time.time()), BODY)
    for forged, body in [
        (sent, BODY + b" "),
        (sent | {"webhook-id": "msg_2"}, BODY),
        (sent | {"webhook-timestamp": str(int(sent["webhook-timestamp"]) + 1)}, BODY),
    ]:
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, forged)


def test_an_sm3_signature_stands_beside_the_standard_one_and_does_not_disturb_it() -> None:
    standard, sm3 = new_secret(), new_sm3_secret()
    sent = headers([sm3, standard], "msg_1", int(time.time()), BODY)
    assert [token.split(",")[0] for token in sent["webhook-signature"].split(" ")] == ["v1sm3", "v1"]
    assert Webhook(standard).verify(BODY, sent) == {"test": 2432232314}


def test_the_sm3_signature_is_hmac_sm3_by_its_definition() -> None:
    key = bytes(range(32))
    secrets = [new_secret(), "whsm3_" + base64.b64encode(key).decode()]
    inner = hashlib.new("sm3", bytes(b ^ 0x36 for b in key.ljust(64, b"\0")) + b"msg_1.7." + BODY).digest()
    outer = hashlib.new("sm3", bytes(b ^ 0x5C for b in key.ljust(64, b"\0")) + inner).digest()
    assert sign(secrets, "msg_1", 7, BODY).split(" ")[1] == "v1sm3," + base64.b64encode(outer).decode()


@pytest.mark.parametrize(
    ("secrets", "code"),
    [
        ([], "no_secret"),
        ([new_sm3_secret()], "no_secret"),
        (["whsec_"], "bad_secret"),
        (["whsec_" + base64.b64encode(b"x" * 23).decode()], "bad_secret"),
        (["whsec_" + base64.b64encode(b"x" * 65).decode()], "bad_secret"),
        (["whsec_not base64 密"], "bad_secret"),
        ([new_secret(), "secret"], "bad_secret"),
    ],
)
def test_without_a_usable_secret_nothing_is_signed(secrets: list[str], code: str) -> None:
    with pytest.raises(Problem) as caught:
        sign(secrets, "msg_1", 7, BODY)
    assert caught.value.code == code


@pytest.mark.parametrize("message_id", ["", "a.b", "a\nb", "消息"])
def test_an_id_that_would_blur_the_signed_content_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        sign([new_secret()], message_id, 7, BODY)
