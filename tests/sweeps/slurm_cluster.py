"""A Slurm of this machine's own for tests: its daemons, started by hand in a temporary folder."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
PATIENCE = 30.0  # seconds for a daemon to answer

# A requeued job waits as long as a job step's credential is valid: two minutes, if not told less.
CONFIGURATION = """
ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=1
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
KillWait=20
MinJobAge=60
MpiDefault=none
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName=localhost NodeHostName=localhost NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=small Nodes=ALL Default=YES MaxTime=60 State=UP PriorityTier=1 GraceTime=0
PartitionName=polite Nodes=ALL MaxTime=60 State=UP PriorityTier=1 GraceTime=20
PartitionName=hidden Nodes=ALL MaxTime=60 State=UP PriorityTier=1 GraceTime=0 Hidden=YES
PartitionName=urgent Nodes=ALL MaxTime=60 State=UP PriorityTier=9 PreemptMode=OFF
"""


class Unavailable(Exception):
    """Why there is no Slurm here."""


@dataclass(frozen=True)
class Cluster:
    """A running Slurm.

    Attributes:
        folder: configuration, state and logs.
    """

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes Slurm's commands talk to it."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def run(self, *command: str) -> str:
        """What a command of Slurm's prints."""
        done = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def states(self) -> dict[str, str]:
        """The state of every job in the queue, by its id."""
        lines = self.run("squeue", "--noheader", "--format=%i %T").splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A Slurm with one node of two CPUs, gone at the end of the block.

    Raises:
        Unavailable: it cannot be started here.
    """
    missing = [name for name in PROGRAMS if _found(name) is None]
    if missing:
        raise Unavailable(f"Slurm is not installed: no {', '.join(missing)}")
    if os.geteuid() != 0:
        raise Unavailable("its daemons start jobs for users: that takes root")
    ports = {"ctld": _free_port(), "slurmd": _free_port()}
    for name in ("spool", "state", "munge"):
        (folder / name).mkdir(parents=True)
    configuration = CONFIGURATION.format(folder=folder, **ports)
    (folder / "slurm.conf").write_text(configuration)
    (folder / "munge" / "key").write_bytes(os.urandom(128))
    (folder / "munge" / "key").chmod(0o400)
    found = Cluster(folder)
    with contextlib.ExitStack() as stack:
        munge = [
            "munged", "--foreground", "--force", f"--socket={folder}/munge/socket",
            f"--key-file={folder}/munge/key", f"--log-file={folder}/munge/log",
            f"--pid-file={folder}/munge/pid", f"--seed-file={folder}/munge/seed",
        ]  # fmt: skip
        stack.enter_context(_daemon(munge, folder, found))
        _await((folder / "munge" / "socket").exists, "munged", folder)
        stack.enter_context(_daemon(["slurmctld", "-D"], folder, found))
        stack.enter_context(_daemon(["slurmd", "-D", "-N", "localhost"], folder, found))
        _await(lambda: _is_idle(found), "slurmd", folder)
        yield found
        with contextlib.suppress(AssertionError):
            found.run("scancel", "--user=root")


def _is_idle(found: Cluster) -> bool:
    try:
        return "State=IDLE" in found.run("scontrol", "show", "node", "localhost")
    except AssertionError:  # not yet there
        return False


@contextlib.contextmanager
def _daemon(command: list[str], folder: Path, found: Cluster) -> Iterator[None]:
    program, *arguments = command
    with (folder / f"{program}.txt").open("ab") as out:
        process = subprocess.Popen(
            [_found(program) or program, *arguments],
            env=os.environ | found.environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a killed test leaves no daemon


def _await(condition: object, what: str, folder: Path) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            printed = (folder / f"{what}.txt").read_text().strip()
            raise Unavailable(f"{what} does not come up: {printed[-300:]}")
        time.sleep(0.1)


def _found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
