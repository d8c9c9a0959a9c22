"""A headless Chromium, spoken to through two pipes: no port, no driver, no package."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *(
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--mute-audio",
        "--remote-debugging-pipe",
    ),
)


class Browser:
    """One page of a browser; what it logs, throws and asks the network for is kept."""

    def __init__(self, hears: int, says: int) -> None:
        self._hears, self._says = hears, says
        self._read = b""
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def open_page(self) -> None:
        """A fresh page that tells of its network and its errors."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers; events that come before are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self._hears, text) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def visit(self, file: Path, address: str = "") -> None:
        """Load a file and wait until it says that it is ready."""
        self.requests.clear()
        self.complaints.clear()
        # Through another page: with a new hash alone, a browser does not load again.
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=file.as_uri() + address)
        self.run(
            "new Promise((done, fail) => { const look = () => "
            "document.documentElement?.dataset.ready ? done(true) : setTimeout(look, 10); "
            "setTimeout(() => fail('the page never was ready'), 60_000); look(); })"
        )

    def run(self, code: str) -> Any:
        """The value of a JavaScript expression, awaited.

        Raises: RuntimeError for what it throws.
        """
        answer = self.call(
            "Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """A key, down and up, and the drawing after it."""
        typed = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.drawn()

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """A mouse event at a place of the window, and the drawing after it."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)
        self.drawn()

    def drawn(self) -> None:
        """Wait for two frames: what was asked for is on the screen then."""
        self.run(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def size(self, width: int, height: int, *, touch: bool = False, dark: bool = False) -> None:
        """The window's size in CSS pixels, and what the person likes."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if touch else 1,
            mobile=touch,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, file: Path) -> None:
        """What is seen, as a PNG."""
        shot = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            part = os.read(self._says, 1 << 16)
            if not part:
                raise RuntimeError("the browser has left")
            self._read += part
        one, self._read = self._read.split(b"\0", 1)
        message: dict[str, Any] = json.loads(one)
        self._keep(message.get("method", ""), message.get("params", {}))
        return message

    def _keep(self, event: str, facts: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(facts["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str(facts["args"]))
        elif event == "Log.entryAdded":
            self.complaints.append(str(facts["entry"]["text"]))


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends are neither 3 nor 4, where the browser's own come to lie."""
    low = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low]
    for end in low:
        os.close(end)
    return high[0], high[1]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser of one's own, gone with its profile's processes at the end."""
    its_input, hears = _high_pipe()
    says, its_output = _high_pipe()
    # It wants its pipes at 3 and 4.
    command = f'exec "$0" "$@" 3<&{its_input} 4>&{its_output}'
    child = subprocess.Popen(
        ["/bin/bash", "-c", command, str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}"],
        pass_fds=(its_input, its_output),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(profile), "XDG_CONFIG_HOME": str(profile)},
    )
    os.close(its_input)
    os.close(its_output)
    try:
        browser = Browser(hears, says)
        browser.open_page()
        yield browser
    finally:
        os.close(hears)
        os.close(says)
        child.terminate()
        child.wait(timeout=30)
