"""Tells hosts that listen when a run begins, ends, or changes how it stands."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
)
from typing_extensions import override

from drivetrain.runs.registry import overview

LOOK_EVERY_S: Final = 2.0
MOST_ENDED: Final = 50
"""How many ended runs are looked at for news."""


class NewsBus(InMemorySubscriptionBus):
    """Knows whether anybody listens: nobody looks for news that nobody hears."""

    def __init__(self) -> None:
        super().__init__()
        self.listens = anyio.Event()

    @override
    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Register a listener; the first one starts the looking."""
        self.listens.set()
        return super().subscribe(listener)


class NewsDesk:
    """Looks at the runs of a home for as long as a server is up and somebody listens."""

    def __init__(self, home: Path) -> None:
        self.bus = NewsBus()
        self._home = home

    @asynccontextmanager
    async def open(self, _server: Any) -> AsyncIterator[None]:
        """Look while the server is up."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look)
            yield
            tasks.cancel_scope.cancel()

    async def _look(self) -> None:
        await self.bus.listens.wait()
        before = await self._states()
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            now = await self._states()
            await self._publish(before, now)
            before = now

    async def _publish(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        if now.keys() - before.keys():
            await self.bus.publish(ResourcesListChanged())
        for run_id, state in now.items():
            if before.get(run_id, state) != state:
                await self.bus.publish(ResourceUpdated(uri=f"run://{run_id}"))

    async def _states(self) -> Mapping[str, str]:
        return await anyio.to_thread.run_sync(states, self._home, abandon_on_cancel=True)


def states(home: Path) -> Mapping[str, str]:
    """How every run of note stands, by its id."""
    try:
        seen = overview(home, MOST_ENDED)
    except OSError:
        return {}
    runs = (*seen.active, *seen.queued, *seen.ended)
    return {run.id: f"{type(run.state).__name__} {run.state.attempt}" for run in runs}
