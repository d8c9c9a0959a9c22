"""The faults: what happens to a run, and what its record must then say."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import fault_files, fault_processes, fault_requests, fault_training
from benchmarks.fault_scene import Scene


@dataclass(frozen=True)
class Fault:
    """Something bad that happens to a run.

    record: what a look says then.  disk: options of a small disk of its own that the home
    lies on; None for the usual one.
    """

    name: str
    inject: Callable[[Scene], object]
    record: str
    disk: str | None = None


FAULTS = (
    Fault("SIGKILL launcher and its group", fault_processes.kill_launcher, "running"),
    Fault("hang-up and interrupt", fault_processes.hang_up, "running"),
    Fault("SIGKILL trainer", fault_processes.kill_trainer, "failed(killed)"),
    Fault(
        "SIGKILL supervisor",
        fault_processes.kill_supervisor,
        "interrupted(supervisor_died)",
    ),
    Fault("SIGKILL both", fault_processes.kill_both_of, "lost(supervisor_died)"),
    Fault("SIGKILL whole group", fault_processes.kill_all, "lost(supervisor_died)"),
    Fault("SIGKILL both, auto-resume", fault_processes.kill_both_once, "running"),
    Fault("SIGTERM to every process", fault_processes.terminate_all, "interrupted(preempted)"),
    Fault("trainer ignores SIGTERM", fault_processes.ignore_a_stop, "stopped(user_stop)"),
    Fault("trainer crashes in C", fault_processes.train("crash"), "failed(crashed)"),
    Fault("trainer hangs in C", fault_processes.hang, "failed(stalled)"),
    Fault("trainer is suspended", fault_processes.suspend, "failed(stalled)"),
    Fault("worker leaves", fault_processes.train("lose_worker"), "failed(env_worker_died)"),
    Fault("worker calls setsid", fault_processes.train("leave_child"), "succeeded(completed)"),
    Fault("setsid worker, SIGKILL both", fault_processes.orphan, "lost(supervisor_died)"),
    Fault("memory limit", fault_processes.train("outgrow_limit"), "failed(host_oom)"),
    Fault("pids reused", fault_processes.reuse_pids, "lost(supervisor_died)"),
    Fault("another boot", fault_processes.reboot, "interrupted(reboot)"),
    Fault("clock set back and forth", fault_processes.jump_clock, "running"),
    Fault("status.json torn", fault_files.tear_status, "running"),
    Fault("status.json torn, run dead", fault_files.tear_last_status, "failed(killed)"),
    Fault("request.json torn, run dead", fault_files.tear_request, "damaged"),
    Fault("index corrupt", fault_files.harm_index(fault_files.overwrite), "running"),
    Fault("index deleted", fault_files.harm_index(Path.unlink), "running"),
    Fault("index locked", fault_files.lock_index, "running"),
    Fault("MLflow locked", fault_files.lock_tracker, "stopped(user_stop)"),
    Fault("last.pt damaged", fault_files.damage_saved("last.pt"), "running"),
    Fault("newest unit damaged", fault_files.damage_saved("meta.json"), "running"),
    Fault("SIGKILL at each moment of a save", fault_files.kill_saves, "failed(killed)"),
    Fault("disk full in a save", fault_files.fill_disk_in_save, "failed(disk_full)", "size=3m"),
    Fault("disk full at the end", fault_files.fill_disk_at_end, "failed(killed)", "size=3m"),
    Fault("home becomes read-only", fault_files.forbid_writing, "running", "size=3m"),
    Fault("home read-only in a save", fault_files.forbid_saving, "failed(error)", "size=3m"),
    Fault("stop while it trains", fault_requests.stop, "stopped(user_stop)"),
    Fault("stop in the queue", fault_requests.stop_in_queue, "stopped(user_stop)"),
    Fault("stop, then SIGKILL supervisor", fault_requests.stop_and_kill, "stopped(user_stop)"),
    Fault("stop, then resume", fault_requests.resume_ended, "running"),
    Fault("40 equal starts", fault_requests.start_equals, "running"),
    Fault("40 different starts", fault_requests.start_others, "running"),
    Fault("50 start, stop and look at once", fault_requests.crowd, "stopped(user_stop)"),
    Fault("PPO: SIGKILL, then resume", fault_training.kill_and_resume, "succeeded(completed)"),
    Fault("PPO: NaN in a loss", fault_training.poison_loss, "failed(nan)"),
)
