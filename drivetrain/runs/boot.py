"""Which boot of which machine this is, and who a process really is.

A pid alone says nothing: pids are reused, and a zombie still has one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STATE_FIELD, START_FIELD = 3, 22
DEAD = frozenset("ZX")


@dataclass(frozen=True, slots=True)
class Boot:
    """One life of a machine or container.

    pid1_start: start time of its first process, in clock ticks since the kernel's boot: a
    restarted container has a new one under the same kernel.
    """

    id: str
    pid1_start: int | None

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> "Boot":
        """The boot that a record was written in; none that ever was where it does not say."""
        return cls(facts.get("boot_id", ""), facts.get("pid1_start"))


def this_boot() -> Boot:
    """The boot that this process lives in."""
    return Boot(BOOT_ID.read_text(encoding="ascii").strip(), start_time(1))


@dataclass(frozen=True, slots=True)
class Identity:
    """One process beyond doubt, within one boot.  start: clock ticks since boot."""

    pid: int
    start: int

    @classmethod
    def parse(cls, facts: Mapping[str, Any] | None) -> "Identity | None":
        """The process that a record names, or None where it names none."""
        pid, start = (facts or {}).get("pid"), (facts or {}).get("start")
        return cls(pid, start) if isinstance(pid, int) and isinstance(start, int) else None

    def is_alive(self) -> bool:
        """Whether it runs still; a zombie does not."""
        stat = _read_stat(self.pid)
        return bool(stat) and stat[0] not in DEAD and self.is_same()

    def is_same(self) -> bool:
        """Whether its pid has not passed to another process, dead or alive."""
        return start_time(self.pid) == self.start


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc(5), field 22), None if gone."""
    stat = _read_stat(pid)
    return int(stat[START_FIELD - STATE_FIELD]) if stat else None


def _read_stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, its state, on; none if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The name in field 2 may hold spaces and brackets: count from the last bracket.
    return stat.rpartition(")")[2].split()
