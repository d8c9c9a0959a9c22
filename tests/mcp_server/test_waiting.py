"""`train_wait` says how far a run is, and ends when the run, the time or the host does."""

from pathlib import Path

import anyio
import pytest
from mcp import Client, types

from drivetrain.runs.stop import request_stop
from tests.mcp_server.hosts import ERAS, begun, call, talk, text_of


@pytest.mark.parametrize("era", ERAS)
def test_a_wait_tells_progress_until_the_run_ends(home: Path, era: str) -> None:
    begun(home, "a")
    told: list[tuple[float, str]] = []

    async def say(client: Client) -> types.CallToolResult:
        async def hear(progress: float, total: float | None, message: str | None) -> None:
            told.append((progress, str(message)))
            assert total == 50
            if len(told) == 1:
                await anyio.to_thread.run_sync(request_stop, home, "a")

        return await client.call_tool("train_wait", {"run": "a"}, progress_callback=hear)

    answer = talk(home, say, era=era)
    assert "- State: stopped (user_stop)" in text_of(answer)
    assert told[0][1].startswith("a [")
    assert [at for at, _ in told] == sorted({at for at, _ in told})


def test_a_wait_that_runs_out_says_how_the_run_stands(home: Path) -> None:
    begun(home, "a")
    answer = call(home, "train_wait", {"run": "a", "timeout_s": 0.1})
    assert "- State: running" in text_of(answer)


@pytest.mark.parametrize("era", ERAS)
def test_a_host_can_give_up_a_wait_and_go_on(home: Path, era: str) -> None:
    begun(home, "a")

    async def say(client: Client) -> types.CallToolResult:
        with anyio.move_on_after(0.2) as waiting:
            await client.call_tool("train_wait", {"run": "a"})
        assert waiting.cancelled_caught
        return await client.call_tool("train_status", {"run": "a"})

    assert "- State: running" in text_of(talk(home, say, era=era))
