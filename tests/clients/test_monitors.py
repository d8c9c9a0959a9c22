"""An open chat hears of its runs unasked; it has a terminal, as monitors live in no other."""

import json
import os
import pty
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from drivetrain.clock import SYSTEM
from drivetrain.runs.resume import request_resume
from drivetrain.runs.stop import request_stop
from tests.clients.claude_code import INHERITED, PLUGIN, SETTINGS, Chat, program
from tests.clients.messages_api import MessagesAPI
from tests.runs.living import finished, is_training, meet, start_and_meet

PATIENCE_S = 120.0
TRIES = 4
PROMPT = b"\xe2\x9d\xaf"
SEEN_BEFORE = {"hasCompletedOnboarding": True, "numStartups": 1, "theme": "dark"}
TRUSTED = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}


class Terminal:
    """An open chat in a terminal.  shown: all it has shown so far."""

    def __init__(self, screen: int) -> None:
        self._screen = screen
        self.shown = b""

    def until(self, is_so: Callable[[], bool]) -> None:
        """Read what it shows until something is so."""
        assert self.watch(is_so, PATIENCE_S), self.shown[-2000:]

    def watch(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Read what it shows for a while; whether something came to be so."""
        give_up_at = SYSTEM.mono() + seconds
        while not is_so() and SYSTEM.mono() < give_up_at:
            if select.select([self._screen], [], [], 0.1)[0]:
                self.shown += os.read(self._screen, 65_536)
        return is_so()

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._screen, text.encode())


@contextmanager
def terminal(chat: Chat, model: MessagesAPI) -> Iterator[Terminal]:
    """A chat with the plugin, for as long as a block lasts."""
    known = SEEN_BEFORE | {"projects": {str(chat.folder.resolve()): TRUSTED}}
    (chat.home / ".claude.json").write_text(json.dumps(known))
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # A token needs no answer to whether a key that was found may be used.
    settings = {name: text for name, text in SETTINGS.items() if name != "ANTHROPIC_API_KEY"}
    own = {
        "ANTHROPIC_AUTH_TOKEN": "fake",
        "ANTHROPIC_BASE_URL": model.url,
        "HOME": str(chat.home),
        "TERM": "xterm-256color",
    }
    client = program()
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(chat.folder)
        os.execve(client, [client, *PLUGIN], inherited | settings | own)  # noqa: S606
    try:
        yield Terminal(screen)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(screen)


def heard(model: MessagesAPI) -> str:
    return "\n".join(asked.last for asked in model.asked if "<event>" in asked.last)


def test_a_chat_that_typed_train_hears_how_its_run_ended(chat: Chat) -> None:
    start_and_meet(chat.runs, "work", "a")
    with MessagesAPI() as model, terminal(chat, model) as screen:
        screen.until(lambda: PROMPT in screen.shown)
        screen.type("/train status")
        screen.until(lambda: b"status" in screen.shown)
        screen.type("\r")
        screen.until(lambda: any("Active Training Runs" in one.text for one in model.asked))
        screen.until(lambda: b"monitor" in screen.shown)
        # A watcher that had not looked before a run ended cannot know that it did.
        for _ in range(TRIES):
            request_stop(chat.runs, "a")
            finished(chat.runs, "a")
            if screen.watch(lambda: "a stopped at" in heard(model), PATIENCE_S / TRIES):
                break
            request_resume(chat.runs, "a")
            meet(chat.runs, "a", is_training)
    assert "somebody asked it to stop. Next: `/train resume a`." in heard(model)
    assert "is running" not in heard(model)
