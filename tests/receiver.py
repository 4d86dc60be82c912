"""A department's own system: a real HTTP server that checks signatures with the public standardwebhooks package."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

TOLERANCE = timedelta(minutes=5)  # as the package has it


class Receiver:
    """Keeps what it got: verified bodies, ids, and refusals. `answers` are statuses given in turn, then `usual`.

    It agrees to be pushed to while it `consents`, gives challenges back if it `echoes`. `headers` go with every
    answer. With `gate` cleared it takes requests and does not answer until it is set; `most` is how many it ever had
    open at once. `tried` are the ids of all attempts, in order. `clock`: for tests with a set clock, since the package
    compares with the wall clock only.
    """

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.answers: list[int] = []
        self.usual = 200
        self.headers: dict[str, str] = {}
        self.consents, self.echoes = True, False
        self.clock: Callable[[], datetime] | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.open = self.most = 0
        self.tried: list[str] = []
        self.got: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.refused = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [body["data"] for body in self.got if body["type"] == kind]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status this receiver answers with."""
        with self._lock:
            if not any(self._verifies(secret, headers, body) for secret in self.secrets):
                self.refused += 1
                return 401
            self.tried.append(headers["webhook-id"])
            status = self.answers.pop(0) if self.answers else self.usual
            if status == 200:
                self.got.append(json.loads(body))
                self.ids.append(headers["webhook-id"])
            return status

    def said_to(self, body: bytes) -> bytes:
        told = json.loads(body) if self.echoes else {}
        challenge = told.get("data", {}).get("challenge")
        return json.dumps({"challenge": challenge}).encode() if challenge else b""

    def _enter(self, by: int) -> None:
        with self._lock:
            self.open += by
            self.most = max(self.most, self.open)

    def _verifies(self, secret: str, headers: dict[str, str], body: bytes) -> bool:
        if self.clock is not None:
            at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            signed = Webhook(secret).sign(headers["webhook-id"], at, body.decode())
            return abs(self.clock() - at) < TOLERANCE and signed in headers["webhook-signature"].split()
        try:
            Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver._enter(1)
                receiver.gate.wait(20)
                receiver._enter(-1)
                status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
                with contextlib.suppress(ConnectionError):  # whoever pushed may have gone
                    self.send_response(status)
                    said = receiver.said_to(body) if status == 200 else b""
                    for name, value in {"content-length": str(len(said)), **receiver.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(said)
                    self.wfile.flush()

            def do_OPTIONS(self) -> None:
                """Consent to be pushed to, as CloudEvents' abuse protection asks for it."""
                self.send_response(200)
                if receiver.consents:
                    self.send_header("webhook-allowed-origin", self.headers["webhook-request-origin"])
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
