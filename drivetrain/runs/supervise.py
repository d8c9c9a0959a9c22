"""Stay beside one trainer, see its end, and write down how it ended.

`python -I -S supervise.py RUN ATTEMPT` sees neither site-packages nor this project: it is up
in 25 ms, takes 12 MB for the days that a run lasts, and an edit of the project cannot hurt
it.  Hence one file, longer than others, with the standard library alone; it writes file names
that `folder.py` also knows, and the tests run the two against each other.

Its exit status says whether it came up: 0 once `proc.json` is written.  By then the process
that the starter sees is already gone; the supervisor itself lives on in its own session.
"""

import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

TICK_MS = 500
LOCK_PATIENCE_S = 2.0
LOCK_RETRY_S = 0.005
SHORTEST_GRACE_S = 120.0
LONGEST_SAVE_S = 900.0
LAST_WORD_S = 10.0
"""From the SIGTERM to the whole tree until its SIGKILL."""
LEFTOVER_PATIENCE_S = 10.0
RESERVE_BYTES = 4096
DETAIL_CHARS = 500
LOG_TAIL_BYTES = 8192
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LEFT_WELL, LEFT_FOR_CONFIG, LEFT_FOR_DATA, LEFT_TO_RESUME = 0, 2, 3, 75
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
TALES = (
    ("CUDA out of memory", "gpu_oom"),
    ("CUDA error", "gpu_error"),
    ("No space left on device", "disk_full"),
    ("Disk quota exceeded", "disk_full"),
    ("MemoryError", "host_oom"),
)
"""What a log that ends in these words tells; only where the trainer itself told nothing."""

Facts = dict[str, Any]
LIBC = ctypes.CDLL(None, use_errno=True)


class Supervisor:
    """One attempt from its start to its exit record."""

    def __init__(self, run: str, attempt: str) -> None:
        self.run = run
        self.attempt = int(attempt)
        self.folder = os.path.join(run, "attempts", attempt)
        self.launch: Facts = read_json(os.path.join(self.folder, "launch.json"))
        self.kills_before = count_oom_kills()
        self.trainer = 0
        self.sent: list[str] = []
        self.preempted = False
        self.forced = False
        self.asked: Facts = {}
        self.asked_at = 0.0
        self.tree_told_at: float | None = None
        self.wakeup = open_wakeup()

    def is_too_late(self) -> bool:
        """Whether a stop, or the next attempt, came before this one had the lock."""
        newest = max(filter(str.isdigit, os.listdir(os.path.dirname(self.folder))), key=int)
        has_ended = os.path.exists(os.path.join(self.folder, "exit.json"))
        return has_ended or int(newest) != self.attempt

    def start(self) -> None:
        """Start the trainer in a session of its own and say who is who."""
        me = os.getpid()
        with open(os.path.join(self.run, "out.log"), "ab") as log:
            process = subprocess.Popen(
                self.launch["argv"],
                cwd=self.run,
                env=os.environ | self.launch["env"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(me),  # noqa: PLW1509 - there is one thread
            )
        # Waited for by hand, without reaping: its pid stays its own until the group is dead.
        process.returncode = 0
        self.trainer = process.pid
        replace_json(os.path.join(self.folder, "proc.json"), self.identities())

    def identities(self) -> Facts:
        """Supervisor and trainer, beyond doubt: pid, start time, boot and machine."""
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot_id = file.read().strip()
        return {
            "v": 1,
            "supervisor": {"pid": os.getpid(), "start": start_time(os.getpid())},
            "trainer": {"pid": self.trainer, "start": start_time(self.trainer)},
            "pgid": self.trainer,
            "boot_id": boot_id,
            "pid1_start": start_time(1),
            "host": os.uname().nodename,
        }

    def watch(self) -> None:
        """Return when the trainer has ended; meanwhile pass on what is asked of it."""
        while not self.trainer_ended():
            wait_for_signal(self.wakeup, TICK_MS)
            if self.take_notice():
                self.press()

    def trainer_ended(self) -> bool:
        """Whether the trainer is dead; adopted orphans that died are reaped on the way."""
        while True:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None:
                return False
            if dead.si_pid == self.trainer:
                return True
            os.waitpid(dead.si_pid, 0)

    def take_notice(self) -> bool:
        """Whether the trainer was asked to leave, by a stop request or a preemption notice."""
        # First the notice, then the file: a stop writes the file, then sends the signal.
        noticed = bool(NOTICES)
        asked = read_json(os.path.join(self.run, "stop.request"))
        if asked.get("attempt") == self.attempt:
            if not self.asked:
                self.asked_at = time.monotonic()
                self.tell_trainer()
            self.asked = asked
            return True
        if noticed and not self.preempted:
            self.preempted, self.asked_at = True, time.monotonic()
            self.tell_trainer()
        return self.preempted

    def tell_trainer(self) -> None:
        """SIGTERM to the trainer alone: its workers must live through its last save."""
        self.sent.append("SIGTERM")
        with suppress(ProcessLookupError):
            os.kill(self.trainer, signal.SIGTERM)

    def press(self) -> None:
        """Once the grace is over, SIGTERM to everybody; then, 10 s later, SIGKILL."""
        now = time.monotonic()
        if self.tree_told_at is None:
            if not self.asked.get("force") and now < self.asked_at + self.grace_s():
                return
            self.forced, self.tree_told_at = True, now
            self.sent.append("SIGTERM to all")
            self.signal_tree(signal.SIGTERM)
        elif now >= self.tree_told_at + LAST_WORD_S:
            if self.sent[-1] != "SIGKILL to all":
                self.sent.append("SIGKILL to all")
            self.signal_tree(signal.SIGKILL)

    def grace_s(self) -> float:
        """How long the trainer may save, in s: as asked, else by its longest save so far.

        A save that is under way and keeps its promise is waited for, 15 min at most.
        """
        if self.asked.get("grace_s") is not None:
            return float(self.asked["grace_s"])
        status = self.status()
        grace_s = max(SHORTEST_GRACE_S, 3 * float(status.get("save_s") or 0.0))
        if status.get("phase") == "save" and status.get("next_by"):
            grace_s = max(grace_s, float(status["next_by"]) - self.asked_at)
        return min(grace_s, LONGEST_SAVE_S)

    def signal_tree(self, signum: int) -> None:
        """To the trainer's group and every other descendant."""
        with suppress(ProcessLookupError):
            os.killpg(self.trainer, signum)
        for pid in descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signum)

    def clear_up(self) -> os.waitid_result:
        """Kill whatever the trainer left behind; returns how the trainer itself ended.

        As subreaper this process inherits even grandchildren in sessions of their own.
        """
        ended = os.waitid(os.P_PID, self.trainer, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError):
            os.killpg(self.trainer, signal.SIGKILL)
        patience_until = time.monotonic() + LEFTOVER_PATIENCE_S
        while time.monotonic() < patience_until:
            reap_all()
            left = descendants(os.getpid())
            if not left:
                break
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_for_signal(self.wakeup, 20)
        if ended is None:
            raise ChildProcessError("the trainer vanished")
        return ended

    def record(self, ended: os.waitid_result) -> None:
        """Write `exit.json`, into space that was set aside when the disk was not full yet."""
        by_signal = ended.si_code != os.CLD_EXITED
        kills = count_oom_kills() - self.kills_before
        facts = {
            "v": 1,
            "by": "supervisor",
            "rc": None if by_signal else ended.si_status,
            "signal": signal.Signals(ended.si_status).name if by_signal else None,
            "sent": self.sent,
            "oom_kills": kills,
        }
        verdict = self.outcome() or self.verdict(
            ended.si_status, by_signal=by_signal, kills=kills
        )
        self.write_exit(facts | verdict | {"resumable": self.has_checkpoint()})

    def give_up(self, error: Exception) -> None:
        """The trainer could not be started, or could not be recorded."""
        if self.trainer:
            self.signal_tree(signal.SIGKILL)
            self.clear_up()
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "disk_full" if full else "error"
        verdict = self.end("failed", reason, f"could not be started: {error}")
        self.write_exit(verdict | {"v": 1, "by": "supervisor", "resumable": False})

    def outcome(self) -> Facts | None:
        """What the trainer itself said; it knows best."""
        told = read_json(os.path.join(self.folder, "outcome.json"))
        if "how" not in told or "reason" not in told:
            return None
        return {name: told.get(name) for name in ("how", "reason", "detail", "step")}

    def verdict(self, status: int, *, by_signal: bool, kills: int) -> Facts:
        """What follows from the way a trainer left that said nothing itself."""
        obeyed = status == (signal.SIGTERM if by_signal else LEFT_TO_RESUME)
        if self.forced or obeyed:
            if self.asked:
                detail = (
                    "killed after its grace" if self.forced else "left before its first save"
                )
                return self.end("stopped", "user_stop", detail)
            if self.preempted:
                return self.end("interrupted", "preempted", "a signal asked it to leave")
        if by_signal:
            return self.verdict_on_signal(signal.Signals(status), kills)
        return self.verdict_on_code(status)

    def verdict_on_signal(self, signum: signal.Signals, oom_kills: int) -> Facts:
        """A signal that this supervisor did not send."""
        if signum == signal.SIGKILL and oom_kills > 0:
            return self.end("failed", "host_oom", "the kernel ran out of memory and killed it")
        if signum in CRASHES:
            return self.end("failed", "crashed", f"{signum.name}; {self.last_words()}")
        return self.end("failed", "killed", f"{signum.name} from outside")

    def verdict_on_code(self, code: int) -> Facts:
        """An exit code, and the last words of the log."""
        words = self.last_words()
        if code == LEFT_WELL:
            return self.end("failed", "error", "left without telling how it ended")
        reason = {LEFT_FOR_CONFIG: "config", LEFT_FOR_DATA: "data"}.get(code)
        if reason is None:
            tales = [reason for tale, reason in TALES if tale in words]
            reason = tales[0] if tales else "error"
        return self.end("failed", reason, words or f"exit code {code}")

    def end(self, how: str, reason: str, detail: str) -> Facts:
        """A verdict, with the last step that was heard of."""
        return {
            "how": how,
            "reason": reason,
            "detail": detail[:DETAIL_CHARS],
            "step": self.status().get("step"),
        }

    def status(self) -> Facts:
        """What the trainer of this attempt last reported."""
        status = read_json(os.path.join(self.run, "status.json"))
        return status if status.get("attempt") == self.attempt else {}

    def last_words(self) -> str:
        """The last line of the log that says something."""
        with open(os.path.join(self.run, "out.log"), "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - LOG_TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from."""
        return os.path.isfile(self.launch["last_checkpoint"])

    def reserve_exit(self) -> None:
        """Set disk space aside for the verdict."""
        path = os.path.join(self.folder, "exit.json.part")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with suppress(OSError):  # not every file system can; then a full disk may win
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        os.close(descriptor)

    def write_exit(self, facts: Facts) -> None:
        """The verdict, whole or not at all."""
        part = os.path.join(self.folder, "exit.json.part")
        text = json.dumps(facts).encode()
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
        os.fsync(descriptor)
        os.close(descriptor)
        os.replace(part, os.path.join(self.folder, "exit.json"))
        sync_folder(self.folder)

    def finish(self) -> NoReturn:
        """Become the process that brings the index up to date; this lets the lock go."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        argv = self.launch["finisher"]
        os.execve(argv[0], argv, os.environ | self.launch["env"])


NOTICES: list[int] = []
"""Signals that mean this process should go: a preemption notice, or the poke of a stop."""


def main(run: str, attempt: str) -> NoReturn:
    """Come up, supervise, record."""
    came_up = detach()
    settle_in(os.path.join(run, "out.log"))
    hold_lock(os.path.join(run, "run.lock"))
    supervisor = Supervisor(run, attempt)
    if supervisor.is_too_late():
        os._exit(3)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    supervisor.reserve_exit()
    try:
        supervisor.start()
    except (OSError, subprocess.SubprocessError) as error:
        supervisor.give_up(error)
    else:
        with suppress(BrokenPipeError):  # the starter may be gone, and that changes nothing
            os.write(came_up, b"1")
        os.close(came_up)
        supervisor.watch()
        supervisor.record(supervisor.clear_up())
    supervisor.finish()


def detach() -> int:
    """Go on in a process that nobody waits for; returns where to say that it came up."""
    hear, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os._exit(0 if os.read(hear, 1) else 1)
    os.close(hear)
    os.setsid()
    os.chdir("/")
    return tell


def settle_in(log: str) -> None:
    """Leave the caller's files alone: read nothing, write to the run's log, heed signals."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)
    # Handlers, since an ignored signal would stay ignored in the trainer.
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
        signal.signal(signum, ignore)
    for signum in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(signum, notice)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def ignore(signum: int, frame: FrameType | None) -> None:
    """Wake up and do nothing."""


def notice(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Remember that somebody wants this process to go."""
    NOTICES.append(signum)


def hold_lock(path: str) -> None:
    """Hold the run's lock for life; a reader's probe may be in the way for a moment."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    give_up_at = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                os._exit(3)  # another supervisor has it
            time.sleep(LOCK_RETRY_S)
        else:
            return


def die_with_parent(parent: int) -> None:
    """In the trainer, before it is one: SIGTERM when the supervisor dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def open_wakeup() -> int:
    """A descriptor that becomes readable when a signal arrives."""
    hear, tell = os.pipe()
    os.set_blocking(hear, False)
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    return hear


def wait_for_signal(wakeup: int, patience_ms: int) -> None:
    """Sleep until a signal arrives, for a while at most."""
    poll = select.poll()
    poll.register(wakeup, select.POLLIN)
    if poll.poll(patience_ms):
        with suppress(BlockingIOError):
            while os.read(wakeup, 512):
                pass


def reap_all() -> None:
    """Bury every dead child."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants(root: int) -> list[int]:
    """Every living process below this one, from one walk over /proc."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = read_stat(int(name))
            if stat and stat[0] != "Z":
                parents[int(name)] = int(stat[1])
    below = {root}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return sorted(below - {root})


def read_stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state, parent, ...), none if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot: field 22 of its stat."""
    stat = read_stat(pid)
    return int(stat[19]) if stat else None


def count_oom_kills() -> int:
    """Processes that the kernel killed for memory so far, in this cgroup or the machine."""
    for file, word in oom_counters():
        try:
            with open(file, encoding="ascii") as lines:
                for line in lines:
                    if line.startswith(word):
                        return int(line.split()[1])
        except OSError:
            continue
    return 0


def oom_counters() -> list[tuple[str, str]]:
    """Where kills are counted, the most specific first: cgroup v2, v1, the whole machine."""
    counters = []
    with suppress(OSError), open("/proc/self/cgroup", encoding="utf-8") as lines:
        for line in lines:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controllers == "":
                counters.append((f"/sys/fs/cgroup{path}/memory.events", "oom_kill "))
            elif controllers == "memory":
                file = f"/sys/fs/cgroup/memory{path}/memory.oom_control"
                counters.append((file, "oom_kill "))
    return [*counters, ("/proc/vmstat", "oom_kill ")]


def read_json(path: str) -> Facts:
    """The facts of a file, none where it is absent or torn."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def replace_json(path: str, facts: Facts) -> None:
    """The new file or the old one, never half of it."""
    draft = f"{path}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(facts, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(os.path.dirname(path))


def sync_folder(path: str) -> None:
    """The names in a folder survive a power cut from here on."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main(*sys.argv[1:])
