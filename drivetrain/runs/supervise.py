"""Stay beside one trainer, see its end, and write down how it ended.

`python -I -S supervise.py RUN ATTEMPT FD…` sees neither site-packages nor this project: it is
up in 25 ms, takes 12 MB for the days that a run lasts, and an edit of the project cannot hurt
it.  Hence one file, longer than others, with the standard library alone; it knows file names
that `folder.py` and `checkpoint_units.py` also know, and the tests run them against each other.
FD…: open locks on what the run leases of the machine; they stay open as long as it lives.

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
RECORD_PATIENCE_S = 3600.0
RECORD_RETRY_MS = 1000
WORTH_WAITING = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO}
"""What may keep a verdict from the disk and pass: read-only for a while, full, failing."""
LONGEST_LOOK_S = 2.0
"""More between two looks does not count as silence: both may have been frozen meanwhile."""
Facts = dict[str, Any]
DEFAULTS: Facts = {
    "first_word_s": 300.0,
    "stacks_after_s": 60.0,
    "stalled_for_s": None,
    "log_limit": 256 << 20,
    "units": "",
    "from_step": 0,
    "time_left_s": None,
}
"""What holds where `launch.json` says nothing: until when the first status is due; how long
after a broken promise the stacks are asked for; how long after that the trainer is killed, None
for never; the bytes beyond which the log is cut; where the units are; the step it goes on from;
the seconds after which the trainer is asked to stop, None for never.
"""
DETAIL_CHARS = 500
LOG_TAIL_BYTES = 8192
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TIME_LIMIT = "time_limit"
LEFT_WELL, LEFT_FOR_CONFIG, LEFT_FOR_DATA, LEFT_TO_RESUME = 0, 2, 3, 75
STACKS_TAIL_BYTES = 65_536
CGROUPS = "/sys/fs/cgroup"
MACHINE_COUNTER = "/proc/vmstat"
LEAVES = {signal.SIGTERM, signal.SIGUSR1}
"""Signals by which engines and people ask a process to go."""
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
TALES = (
    ("CUDA out of memory", "gpu_oom"),
    ("CUDA error", "gpu_error"),
    ("No space left on device", "disk_full"),
    ("Disk quota exceeded", "disk_full"),
    ("MemoryError", "host_oom"),
)
"""What a log that ends in these words tells; only where the trainer itself told nothing."""

LIBC = ctypes.CDLL(None, use_errno=True)


class Supervisor:
    """One attempt from its start to its exit record."""

    def __init__(self, run: str, attempt: str, lease: list[int]) -> None:
        self.run = run
        self.attempt = int(attempt)
        self.lease = lease
        self.folder = os.path.join(run, "attempts", attempt)
        self.launch: Facts = DEFAULTS | read_json(os.path.join(self.folder, "launch.json"))
        self.memory_kills = MemoryKills()
        self.began_at = time.monotonic()
        self.trainer = 0
        self.sent: list[str] = []
        self.preempted = False
        self.forced = False
        self.asked: Facts = {}
        self.asked_at = 0.0
        self.tree_told_at: float | None = None
        self.silence = Silence(time.monotonic() + float(self.launch["first_word_s"]))
        self.hung: str | None = None
        self.wakeup = open_wakeup()

    def is_too_late(self) -> bool:
        """Whether a stop, or the next attempt, came before this one had the lock."""
        newest = max(filter(str.isdecimal, os.listdir(os.path.dirname(self.folder))), key=int)
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
            else:
                self.listen()
            self.cut_log()

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
        asked = self.stop_request()
        if asked:
            if not self.asked:
                self.asked_at = time.monotonic()
                self.tell_trainer()
            self.asked = asked
            return True
        if noticed and not self.preempted:
            self.preempted, self.asked_at = True, time.monotonic()
            self.tell_trainer()
        return self.preempted

    def stop_request(self) -> Facts:
        """The request that this attempt stops, its own once its time is over; {} for none."""
        path = os.path.join(self.run, "stop.request")
        asked = read_json(path)
        if asked.get("attempt") == self.attempt:
            return asked
        if self.asked or self.preempted or not self.is_out_of_time():
            return self.asked
        asked = {"v": 1, "attempt": self.attempt, "by": "supervisor", "reason": TIME_LIMIT}
        with suppress(OSError):  # a disk that takes nothing gives no time either
            replace_json(path, asked)
        return asked

    def is_out_of_time(self) -> bool:
        """Whether the run has had the time that it was given."""
        left_s = self.launch["time_left_s"]
        return left_s is not None and time.monotonic() >= self.began_at + left_s

    def tell_trainer(self) -> None:
        """SIGTERM to the trainer alone: its workers must live through its last save."""
        self.sent.append("SIGTERM")
        with suppress(ProcessLookupError):
            os.kill(self.trainer, signal.SIGTERM)
            os.kill(self.trainer, signal.SIGCONT)  # one that is suspended could not hear it

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

    def listen(self) -> None:
        """Ask a trainer that broke its promise what it does, and end it if it stays silent."""
        silent_s = self.silence.lasts(self.status().get("next_by"), time.monotonic())
        if silent_s > 0 and self.cannot_write() is not None:
            # On a disk that takes nothing, silence says nothing about the trainer.
            self.silence.silent_s = 0.0
            return
        if silent_s < self.launch["stacks_after_s"]:
            return
        if not self.silence.is_asked:
            self.silence.is_asked = True
            self.ask_for_stacks()
            return  # it needs a moment to answer
        patience_s = self.launch["stalled_for_s"]
        if patience_s is not None and silent_s >= self.launch["stacks_after_s"] + patience_s:
            if self.hung is None:
                self.hung = self.where_it_hangs()
                self.sent.append("SIGKILL to all")
            self.signal_tree(signal.SIGKILL)

    def ask_for_stacks(self) -> None:
        """SIGUSR1, once the trainer has a handler for it; until then it would kill."""
        if catches(self.trainer, signal.SIGUSR1):
            self.say("the trainer broke its promise to check in; its stacks are in stacks.txt")
            os.kill(self.trainer, signal.SIGUSR1)
        else:
            self.say("the trainer has not been heard of since its start")

    def where_it_hangs(self) -> str:
        """The place in the code where a silent trainer was last seen."""
        if read_stat(self.trainer)[:1] == ["T"]:
            return "it was suspended by a signal"
        stacks = read_end(os.path.join(self.run, "stacks.txt"), STACKS_TAIL_BYTES)
        # Each thread's newest call comes first, and the thread that was asked is the main one.
        _, asked, after = stacks.rpartition("Current thread ")
        places = [line.strip() for line in after.splitlines() if "File " in line]
        return f"it hung at {places[0]}" if asked and places else "it told no stacks"

    def cut_log(self) -> None:
        """Keep a log that has grown too long: its newest part, under another name."""
        log = os.path.join(self.run, "out.log")
        with suppress(OSError):
            if os.stat(log).st_size <= self.launch["log_limit"]:
                return
            try:
                keep_end(log, f"{log}.1", self.launch["log_limit"] // 4)
            finally:  # on a full disk, what frees it counts more
                # Every writer appends: the next line lands at the new end.
                os.truncate(log, 0)

    def say(self, words: str) -> None:
        """A line in the run's log."""
        with suppress(OSError):
            os.write(1, f"[supervisor] {words}\n".encode())

    def cannot_write(self) -> OSError | None:
        """Why the run's folder takes no data at this moment; None where it does."""
        probe = os.path.join(self.run, f".probe.{os.getpid()}")
        try:
            with open(probe, "wb") as file:
                file.write(bytes(RESERVE_BYTES))
        except OSError as error:
            return error
        finally:
            with suppress(OSError):
                os.unlink(probe)
        return None

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
        facts = {
            "rc": None if by_signal else ended.si_status,
            "signal": name_of(ended.si_status) if by_signal else None,
            "sent": self.sent,
            "oom_kills": self.memory_kills.count(),
        }
        told = self.outcome()
        verdict = told or self.verdict(ended.si_status, by_signal=by_signal)
        self.write_exit(facts | verdict)

    def give_up(self, error: Exception) -> None:
        """The trainer could not be started, or could not be recorded."""
        if self.trainer:
            self.signal_tree(signal.SIGKILL)
            self.clear_up()
        self.write_exit(self.end("failed", reason_of(error), f"could not be started: {error}"))

    def outcome(self) -> Facts | None:
        """What the trainer itself said; it knows best, save who killed its workers."""
        told = read_json(os.path.join(self.folder, "outcome.json"))
        if "how" not in told or "reason" not in told:
            return None
        facts = {name: told.get(name) for name in ("how", "reason", "detail", "step")}
        if told["reason"] == "env_worker_died":
            if self.forced or (self.preempted and not self.asked):
                return self.left_on_request("the signal ended its workers too")
            # A worker that left with an exit code was not killed.
            if self.memory_kills.count() > 0 and "exit code" not in str(told.get("detail")):
                detail = f"{self.memory_kills.words()} a worker; {told.get('detail')}"
                facts |= {"reason": "host_oom", "detail": detail[:DETAIL_CHARS]}
        return facts

    def verdict(self, status: int, *, by_signal: bool) -> Facts:
        """What follows from the way a trainer left that said nothing itself."""
        obeyed = status in LEAVES if by_signal else status == LEFT_TO_RESUME
        if (self.asked or self.preempted) and (self.forced or obeyed):
            detail = "killed after its grace" if self.forced else "left before it saved"
            return self.left_on_request(detail)
        if self.hung is not None:
            return self.end("failed", "stalled", self.hung)
        if by_signal:
            return self.verdict_on_signal(status)
        return self.verdict_on_code(status)

    def left_on_request(self, detail: str) -> Facts:
        """The end that a stop request, or else a preemption notice, asked for."""
        if self.asked:
            is_late = self.asked.get("reason") == TIME_LIMIT
            return self.end("stopped", TIME_LIMIT if is_late else "user_stop", detail)
        return self.end("interrupted", "preempted", detail)

    def verdict_on_signal(self, signum: int) -> Facts:
        """A signal that this supervisor did not send."""
        name = name_of(signum)
        if signum == signal.SIGKILL and self.memory_kills.count() > 0:
            return self.end("failed", "host_oom", f"{self.memory_kills.words()} it")
        if signum in LEAVES:
            return self.end("interrupted", "preempted", f"{name} from outside")
        if signum in CRASHES:
            return self.end("failed", "crashed", f"{name}; {self.last_words()}")
        if self.asked:
            # Whoever lost patience only hastened what was wanted.
            return self.left_on_request(f"{name} from outside, before it had saved")
        return self.end("failed", "killed", f"{name} from outside")

    def verdict_on_code(self, code: int) -> Facts:
        """An exit code, and the last words of the log."""
        words = self.last_words()
        if code == LEFT_WELL:
            return self.end("failed", "error", "left without telling how it ended")
        reason = {LEFT_FOR_CONFIG: "config", LEFT_FOR_DATA: "data"}.get(code)
        if reason is None:
            tales = [reason for tale, reason in TALES if tale in words]
            reason = tales[0] if tales else "error"
            # A disk that takes nothing is why it told nothing, and mostly why it failed.
            unwritable = self.cannot_write()
            if unwritable is not None and not tales:
                words = f"{unwritable.strerror}: it could not tell how it ended"
                reason = reason_of(unwritable)
        return self.end("failed", reason, words or f"exit code {code}")

    def end(self, how: str, reason: str, detail: str) -> Facts:
        """A verdict, with the last step that was heard of."""
        return {
            "how": how,
            "reason": reason,
            "detail": detail[:DETAIL_CHARS],
            "step": self.status().get("step") or self.launch["from_step"] or None,
        }

    def status(self) -> Facts:
        """What the trainer of this attempt last reported."""
        status = read_json(os.path.join(self.run, "status.json"))
        return status if status.get("attempt") == self.attempt else {}

    def last_words(self) -> str:
        """The last line of the log that says something."""
        log = os.path.join(self.run, "out.log")
        lines = f"{read_end(f'{log}.1', LOG_TAIL_BYTES)}\n{read_end(log, LOG_TAIL_BYTES)}"
        return next(filter(None, map(str.strip, reversed(lines.splitlines()))), "")

    def reserve_exit(self) -> None:
        """Set disk space aside for the verdict."""
        path = os.path.join(self.folder, "exit.json.part")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with suppress(OSError):  # not every file system can; then a full disk may win
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        os.close(descriptor)

    def write_exit(self, verdict: Facts) -> None:
        """Record the end, waiting for a disk that does not take it, an hour at most."""
        unit = newest_unit(self.launch["units"])
        facts = {"v": 1, "by": "supervisor", **verdict, "unit": unit}
        facts["resumable"] = unit is not None
        facts["lasted_s"] = round(time.monotonic() - self.began_at, 3)
        give_up_at = time.monotonic() + RECORD_PATIENCE_S
        while True:
            try:
                self.fill_exit(json.dumps(facts).encode())
            except OSError as error:
                if error.errno not in WORTH_WAITING or time.monotonic() > give_up_at:
                    raise
                self.release_lease()
                wait_for_signal(self.wakeup, RECORD_RETRY_MS)
            else:
                return

    def fill_exit(self, text: bytes) -> None:
        """The verdict, whole or not at all."""
        part = os.path.join(self.folder, "exit.json.part")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            written = 0
            while written < len(text):  # a full disk takes a part, then refuses the next
                written += os.pwrite(descriptor, text[written:], written)
            os.ftruncate(descriptor, len(text))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, os.path.join(self.folder, "exit.json"))
        sync_folder(self.folder)

    def release_lease(self) -> None:
        """Nothing runs any more: others may have what this run leased."""
        while self.lease:
            os.close(self.lease.pop())

    def finish(self) -> NoReturn:
        """Become the process that brings the index up to date; this lets the lock go."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        argv, env = self.launch["finisher"], self.launch["env"]
        # Of the trainer's environment only where to find the code, no mark of the run.
        path = {name: env[name] for name in ("PYTHONPATH",) if name in env}
        os.execve(argv[0], argv, os.environ | path)


class Silence:
    """How long a trainer has been silent past its promise.  All times: s, monotonic."""

    def __init__(self, promised: float) -> None:
        self.promised = promised
        self.looked_at = promised
        self.silent_s = 0.0
        self.is_asked = False

    def lasts(self, promised: float | None, now: float) -> float:
        """For how long by now; a trainer that promises anew is forgiven."""
        passed_s = min(now - max(self.looked_at, self.promised), LONGEST_LOOK_S)
        self.looked_at = now
        if promised is not None and promised != self.promised:
            self.promised = promised
            self.silent_s = max(0.0, min(now - promised, LONGEST_LOOK_S))
            self.is_asked = False
        else:
            self.silent_s += max(0.0, passed_s)
        return self.silent_s


NOTICES: list[int] = []
"""Signals that mean this process should go: a preemption notice, or the poke of a stop."""


def main(run: str, attempt: str, *lease: str) -> NoReturn:
    """Come up, supervise, record."""
    descriptors = list(map(int, lease))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003
    came_up = detach()
    settle_in(os.path.join(run, "out.log"))
    hold_lock(os.path.join(run, "run.lock"))
    supervisor = Supervisor(run, attempt, descriptors)
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


class MemoryKills:
    """The processes that the kernel has killed for memory since this was made."""

    def __init__(self) -> None:
        self.counter, self.before = "", 0
        for file, word in oom_counters():
            count = read_count(file, word)
            if count is not None:
                self.counter, self.word, self.before = file, word, count
                return

    def count(self) -> int:
        """How many by now; 0 where the kernel does not tell."""
        return (read_count(self.counter, self.word) or 0) - self.before if self.counter else 0

    def words(self) -> str:
        """What happened, up to its object: the machine's count may be about somebody else."""
        likely = " likely" if self.counter == MACHINE_COUNTER else ""
        return f"memory ran out, and the kernel{likely} killed"


def read_count(file: str, word: str) -> int | None:
    """The number beside a word in one of the kernel's files, if it is there."""
    with suppress(OSError), open(file, encoding="ascii") as lines:
        for line in lines:
            if line.startswith(word):
                return int(line.split()[1])
    return None


def oom_counters() -> list[tuple[str, str]]:
    """Where kills are counted, the most specific first: cgroup v2, v1, the whole machine."""
    files = []
    with suppress(OSError), open("/proc/self/cgroup", encoding="utf-8") as lines:
        for line in lines:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            # A container may see the path of its host, and its own cgroup at the mount's root.
            if controllers == "":
                files += [f"{CGROUPS}{path}/memory.events", f"{CGROUPS}/memory.events"]
            elif controllers == "memory":
                own, root = f"{CGROUPS}/memory{path}", f"{CGROUPS}/memory"
                files += [f"{own}/memory.oom_control", f"{root}/memory.oom_control"]
    return [(file, "oom_kill ") for file in [*files, MACHINE_COUNTER]]


def name_of(signum: int) -> str:
    """A signal's name; most of the real-time ones have none."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"


def reason_of(error: Exception) -> str:
    """Why something could not be done: the disk is full, or something else."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "disk_full" if full else "error"


def newest_unit(units: str) -> int | None:
    """The step of the newest unit whose files have the sizes they were written with.

    The same rule as `checkpoint_units.newest`.
    """
    with suppress(OSError):
        steps = sorted((name for name in os.listdir(units) if name.isdecimal()), key=int)
        for name in reversed(steps):
            if is_whole(os.path.join(units, name)):
                return int(name)
    return None


def is_whole(unit: str) -> bool:
    """Whether a unit is of this format, and each of its files as long as it was written."""
    meta = read_json(os.path.join(unit, "meta.json"))
    files = meta.get("files")
    if (meta.get("v"), meta.get("step")) != (1, int(os.path.basename(unit))):
        return False
    try:
        sizes = {name: told["bytes"] for name, told in files.items()}  # type: ignore[union-attr]
        return all(os.stat(os.path.join(unit, name)).st_size == sizes[name] for name in sizes)
    except (OSError, AttributeError, TypeError, KeyError):
        return False


def keep_end(source: str, target: str, size: int) -> None:
    """Put a copy of the last bytes of a growing file in the place of another file."""
    draft = f"{target}.{os.getpid()}"
    with open(source, "rb") as whole, open(draft, "wb") as end:
        try:
            at = copy_on(whole.fileno(), end.fileno(), max(0, os.stat(source).st_size - size))
            os.replace(draft, target)
        except OSError:
            os.unlink(draft)  # what a full disk took of it is in its way
            raise
        # What came while the file took its name: the shorter the last pass, the less is lost.
        copy_on(whole.fileno(), end.fileno(), at)


def copy_on(source: int, target: int, at: int) -> int:
    """Append all from one place of a file; returns the place up to which it is copied."""
    while copied := os.sendfile(target, source, at, 1 << 20):
        at += copied
    return at


def read_end(path: str, size: int) -> str:
    """The last bytes of a file as text, none where there is no such file."""
    with suppress(OSError), open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read().decode("utf-8", "replace")
    return ""


def catches(pid: int, signum: int) -> bool:
    """Whether a process has a handler for a signal, as the kernel tells."""
    with suppress(OSError, ValueError), open(f"/proc/{pid}/status", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signum - 1) & 1)
    return False


def read_json(path: str) -> Facts:
    """The facts of a file, none where it is absent or torn."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError, RecursionError):
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
