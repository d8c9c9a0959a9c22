"""A scripted Messages API on loopback: what stands behind real clients in tests, without a key.

It speaks JSON and server-sent events, refuses what the real one refuses, and records every
request. Answers come from rules, and a rule looks at the request alone: clients ask in
parallel, ask again, and ask things of their own, so that an order means nothing.

    def rule(asked: Asked) -> Answer | None:
        if "train_ppo" not in asked.tools:
            return None                                   # the next rule, at last "Done."
        if not asked.results:
            return Say(Use("train_ppo", {"run_id": "a"}))
        return Say(f"It said: {asked.results[-1].text}")

    with MessagesAPI(rule) as api:
        client = anthropic.Anthropic(base_url=api.url, api_key="fake", max_retries=0)
        ...
    assert "Active Training Runs" in api.asked[0].text
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any, ClassVar, Self

from typing_extensions import override

from tests.clients.asked import Asked
from tests.clients.replies import Answer, Cut, Refuse, Say, Text, Use, events_of, message_of
from tests.clients.wellformed import objection

__all__ = ["Answer", "Asked", "Cut", "MessagesAPI", "Refuse", "Rule", "Say", "Text", "Use"]

Rule = Callable[[Asked], Answer | None]
SILENCE_S = 60.0


class MessagesAPI:
    """The server, for as long as a `with` lasts.

    asked: what came in for the model, in the order of arrival.
    others: whatever else clients called, as "HEAD /".
    """

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self.asked: list[Asked] = []
        self.others: list[str] = []
        self.failures: list[Exception] = []
        self.numbers = count(1)
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """What clients take as their base URL."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def answer(self, asked: Asked) -> Answer:
        """What the first rule says that has something to say."""
        refused = objection(asked)
        if refused:
            return refused
        for rule in self.rules:
            answer = rule(asked)
            if answer is not None:
                return answer
        return Say("Done.")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
        # A rule that fails does so in a thread, where no test would hear of it.
        if error is None and self.failures:
            raise self.failures[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, api: MessagesAPI) -> None:
        self.api = api
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def hang_up(self) -> None:
        """End the connections that clients keep open and say nothing on."""
        for connection in self.connections.copy():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float] = SILENCE_S
    server: _Server

    @override
    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    @override
    def finish(self) -> None:
        # A client may have gone without waiting for its answer.
        with suppress(OSError):
            super().finish()
        self.server.connections.discard(self.connection)

    @override
    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            self._note_other()
            self._send_json(404, Refuse(404, "not_found_error", path).body)
            return
        asked = Asked(path, dict(self.headers.items()), json.loads(body))
        if path.endswith("count_tokens"):
            self._note_other()
            self._send_json(200, {"input_tokens": len(body) // 4})
            return
        self.server.api.asked.append(asked)
        try:
            self._give(self.server.api.answer(asked), asked)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - told when the test ends
            self.server.api.failures.append(error)
            self._send_json(500, Refuse(500, "api_error", repr(error)).body)

    def do_GET(self) -> None:
        self._note_other()
        self._send_json(404, Refuse(404, "not_found_error", self.path).body)

    do_HEAD = do_GET  # noqa: N815 - the name that the library calls

    def _note_other(self) -> None:
        self.server.api.others.append(f"{self.command} {self.path}")

    def _give(self, answer: Answer, asked: Asked) -> None:
        if isinstance(answer, Refuse):
            self._send_json(answer.status, answer.body, answer.headers)
            return
        say = answer.reply if isinstance(answer, Cut) else answer
        cut = answer if isinstance(answer, Cut) else None
        message = message_of(say, asked, next(self.server.api.numbers))
        if asked.is_streaming:
            self._send_events(events_of(message), cut)
        elif cut:
            self._send_half(message)
        else:
            self._send_json(200, message)

    def _send_json(
        self, status: int, facts: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        data = json.dumps(facts).encode()
        self._open(status, "application/json", {"Content-Length": str(len(data))}, headers)
        if self.command != "HEAD":
            self.wfile.write(data)

    def _send_half(self, facts: dict[str, Any]) -> None:
        data = json.dumps(facts).encode()
        self._open(200, "application/json", {"Content-Length": str(len(data))})
        self.wfile.write(data[: len(data) // 2])

    def _send_events(self, events: Iterator[dict[str, Any]], cut: Cut | None) -> None:
        self._open(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for number, event in enumerate(events):
            if cut and number >= cut.after:
                if cut.error:
                    self._send_event(Refuse(529, cut.error, "cut off").body)
                # Without the last chunk, the client sees that something is missing.
                return
            self._send_event(event)
        self.wfile.write(b"0\r\n\r\n")

    def _send_event(self, event: dict[str, Any]) -> None:
        data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _open(self, status: int, kind: str, *headers: dict[str, str] | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("request-id", f"req_{next(self.server.api.numbers)}")
        for some in headers:
            for name, value in (some or {}).items():
                self.send_header(name, value)
        # No connection outlives its answer, so none is left over when a test ends.
        self.send_header("Connection", "close")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what was asked is recorded."""
