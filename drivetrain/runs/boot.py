"""Which boot of which machine this is, and who a process really is.

A pid alone says nothing: pids are reused, and a zombie still has one.
"""

from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START_FIELD = 22


@dataclass(frozen=True, slots=True)
class Boot:
    """One life of a machine or container.

    pid1_start: start time of its first process, in clock ticks since the kernel's boot: a
    restarted container has a new one under the same kernel.
    """

    id: str
    pid1_start: int | None


def this_boot() -> Boot:
    """The boot that this process lives in."""
    return Boot(BOOT_ID.read_text(encoding="ascii").strip(), start_time(1))


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc(5), field 22), None if gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in field 2 may hold spaces and brackets: count from the last bracket.
    return int(stat.rpartition(")")[2].split()[START_FIELD - 3])
