"""The Slurm launcher where there is no Slurm: settings, what is missing, and who comes back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Ended
from tests.sweeps.seen import MakeJobs, Seen

from seqbench.errors import ConfigError, ConfigErrors, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.sweeps import slurm, slurm_commands, slurm_queue, slurm_run
from seqbench.sweeps.dispatch import News
from seqbench.sweeps.execute import Outcome
from seqbench.sweeps.node import Order, tell, told
from seqbench.sweeps.slurm import Slurm
from seqbench.sweeps.slurm_commands import NoAnswer, Queued
from seqbench.sweeps.slurm_queue import SlurmQueue
from seqbench.sweeps.slurm_run import SlurmRun

SETTINGS: dict[str, Any] = {
    "at_once": 100, "partition": None, "account": None, "timeout_min": 60, "cpus": None,
    "gpus": None, "mem_gb": None, "warning_seconds": 90, "poll_seconds": 10.0, "setup": [],
    "extra": {},
}  # fmt: skip


def test_settings_that_make_no_sense() -> None:
    wrong = {
        "at_once": 0, "timeout_min": "1h", "cpus": True, "gpus": 0, "mem_gb": -1, "setup": "module",
        "extra": ["qos"], "partition": "", "poll_seconds": 0, "warning_seconds": 1.5, "account": 7,
    }  # fmt: skip
    with pytest.raises(ConfigErrors) as caught:
        Slurm.of(**{**SETTINGS, **wrong})
    assert {error.name.rpartition(".")[2] for error in caught.value.errors} == set(wrong)
    assert "hydra.launcher.timeout_min: expected a positive integer, got 1h" in caught.value.line()


@pytest.mark.parametrize("option", ["nodes", "array", "cpus_per_task", "no-requeue"])
def test_options_that_the_launcher_sets_itself(option: str) -> None:
    with pytest.raises(ConfigErrors, match="an option that the launcher does not set itself, got"):
        Slurm.of(**{**SETTINGS, "extra": {option: 2}})


def test_more_than_one_node_a_run_is_refused_with_a_reason() -> None:
    with pytest.raises(ConfigErrors) as caught:
        Slurm.of(**{**SETTINGS, "extra": {"nodes": 2}})
    assert caught.value.line() == (
        "hydra.launcher.extra.nodes: expected an option that the launcher does not set itself, "
        "got --nodes, which is one: a run trains on the devices of one node (trainer.devices)"
    )


@pytest.mark.parametrize(
    "said", ["extra={array: 2}", "extra.array=2", "+extra.array=2", "extra={qos: long,array: 2}"]
)
def test_further_options_on_the_command_line(
    said: str, cli: Callable[..., Ended], tiny: list[str]
) -> None:
    plus = "+" * said.startswith("+")
    line = f"{plus}hydra.launcher.{said.lstrip('+')}"
    ended = cli("sweep", *tiny, "hydra/launcher=slurm", line)
    assert ended.code == 2
    assert "hydra.launcher.extra.array: expected an option that the launcher does not" in ended.err
    assert "qos" not in ended.err


@pytest.mark.parametrize(
    ("settings", "trainer", "expected"),
    [
        ({}, {}, {"cpus-per-task": 1}),
        ({}, {"threads": 3, "devices": 2}, {"cpus-per-task": 6}),
        ({}, {"accelerator": "cuda", "devices": 2}, {"cpus-per-task": 2, "gpus-per-node": 2}),
        (
            {"gpus": "a100:1", "cpus": 8, "mem_gb": 1.5, "partition": "p", "account": "a"},
            {"accelerator": "auto"},
            {"cpus-per-task": 8, "gpus-per-node": "a100:1", "mem": "1536M", "partition": "p",
             "account": "a"},
        ),
        (
            {"extra": {"exclusive": True, "nice": False, "mail_type": "END"}},
            {},
            {"cpus-per-task": 1, "exclusive": True, "mail-type": "END"},
        ),
    ],
)  # fmt: skip
def test_what_a_job_asks_for(
    settings: dict[str, Any],
    trainer: dict[str, Any],
    expected: dict[str, Any],
    make_jobs: MakeJobs,
) -> None:
    (job,) = make_jobs(1, **trainer)
    flags = Slurm.of(**{**SETTINGS, **settings})._flags(job)
    assert flags == {"time": 60, "nodes": 1, "ntasks": 1, **expected}


def test_processes_that_load_data_have_cores_of_their_own(make_jobs: MakeJobs) -> None:
    (job,) = make_jobs(1, devices=2)
    job.config["data"]["num_workers"] = 3
    assert Slurm.of(**SETTINGS)._flags(job)["cpus-per-task"] == 8


def test_slurms_commands_are_missing(
    cli: Callable[..., Ended], tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "find_spec", lambda name: object())
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = cli("sweep", *tiny, "seed=0,1", "hydra/launcher=slurm")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "seqbench: hydra/launcher=slurm: expected Slurm's commands on this machine, got no sbatch, "
        "srun, squeue, scancel, scontrol; start the sweep on a login node; hydra/launcher=pool "
        "runs it here\n"
    )
    assert not (tmp_path / "outputs").exists()


def test_submitit_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"expected submitit, got none .* 'seqbench\[slurm\]'"):
        Slurm.of(**SETTINGS).prepare([])


@pytest.mark.parametrize("is_up", [True, False])
def test_a_controller_that_is_down_is_not_a_refusal(
    is_up: bool, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(*command: str) -> str:
        if is_up and command[0] == "squeue":
            return ""
        raise NoAnswer(f"{command[0]}: no" if is_up else "connect failure")

    monkeypatch.setattr(slurm, "find_spec", lambda name: object())
    monkeypatch.setattr(slurm, "missing", list)
    monkeypatch.setattr(slurm_commands, "_run", answer)
    with pytest.raises(ConfigErrors if is_up else TrainingError) as caught:
        Slurm.of(**SETTINGS).prepare(make_jobs(1))
    assert caught.value.line() == (
        "hydra.launcher: expected options that this cluster takes, got --cpus-per-task=1 "
        "--nodes=1 --ntasks=1 --time=60: sbatch: no"
        if is_up
        else "hydra/launcher=slurm: expected a Slurm controller that answers, got connect failure; "
        "scontrol ping says whether it is up"
    )


@pytest.fixture
def node(
    tmp_path: Path, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Outcome | None, list[str]]]:
    """Executes a run that is interrupted, as a job that Slurm says this of."""

    def run(
        *, checkpoint: bool = False, says: str | None = None, **known: str
    ) -> tuple[Outcome | None, list[str]]:
        (job,) = make_jobs(1)
        requeued: list[str] = []

        def perform(order: Order) -> Outcome:
            if checkpoint:
                path = RunFolder(job.folder).checkpoints / "last.ckpt"
                path.parent.mkdir(parents=True)
                path.touch()
                os.utime(path, (time.time() + 1, time.time() + 1))
            return Outcome(job.run_id, "interrupted")

        def details(job_id: str) -> dict[str, str]:
            if says is not None:
                raise NoAnswer(says)
            return known

        monkeypatch.setenv("SLURM_JOB_ID", "7")
        monkeypatch.setattr(slurm_run, "perform", perform)
        monkeypatch.setattr(slurm_run, "details", details)
        monkeypatch.setattr(slurm_run, "requeue", requeued.append)
        with pytest.raises(SystemExit) as ended:
            SlurmRun(Order.of(job, "module:call"), str(tmp_path))()
        outcome = told(tmp_path / "7.json")
        assert outcome is not None
        assert ended.value.code == (1 if outcome.status == "failed" else 130)
        return outcome, requeued

    return run


Node = Callable[..., tuple[Outcome, list[str]]]


@pytest.mark.parametrize(
    ("known", "comes_back"),
    [
        ({"JobState": "CANCELLED"}, False),
        ({"JobState": "PENDING"}, False),  # Slurm has seen to it
        ({"JobState": "RUNNING", "PreemptTime": "2026-01-01T00:00:00"}, True),
        ({"JobState": "PREEMPTED"}, True),
        ({}, False),
    ],
)
def test_which_interrupted_jobs_come_back(
    known: dict[str, str], comes_back: bool, node: Node
) -> None:
    outcome, requeued = node(**known)
    assert outcome.status == "interrupted"
    assert requeued == ["7"] * comes_back


@pytest.mark.parametrize("state", ["RUNNING", "TIMEOUT"])
def test_a_job_out_of_time_comes_back_if_it_got_anywhere(state: str, node: Node) -> None:
    outcome, requeued = node(JobState=state, PreemptTime="None", TimeLimit="00:10:00")
    assert requeued == []
    assert (outcome.status, outcome.reason) == (
        "failed", "Slurm's limit of 00:10:00 came before its first checkpoint",
    )  # fmt: skip
    outcome, requeued = node(checkpoint=True, JobState=state, PreemptTime="None")
    assert (outcome.status, requeued) == ("interrupted", ["7"])


def test_a_job_that_cannot_come_back_says_so(node: Node) -> None:
    outcome, _ = node(says="slurm is away")
    assert outcome.reason == "it could not be queued again: slurm is away"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> tuple[SlurmQueue, list[Any], Seen]:
    """A queue whose looks at Slurm are given."""
    looks: list[Any] = []
    seen = Seen()

    def look() -> list[Queued]:
        found = looks.pop(0) if looks else []
        if isinstance(found, Exception):
            raise found
        return [Queued(*each) for each in found]

    monkeypatch.setattr(slurm_queue, "queue", look)
    monkeypatch.setattr(slurm_queue, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(slurm_queue, "LINGER_SECONDS", 0.05)
    monkeypatch.setattr(SlurmQueue, "_submit", lambda self, job, folder: f"{job.seed}")
    made = SlurmQueue(
        call="module:call", flags=lambda job: {}, setup=(), python="python", warning_seconds=1,
        poll_seconds=0.0, claim=lambda folder: True, observer=seen,
    )  # fmt: skip
    return made, looks, seen


def news(queue: SlurmQueue) -> list[News]:
    return list(queue.news(0.0))


def test_what_the_queue_shows(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs
) -> None:
    made, looks, seen = queue
    (job,) = make_jobs(1)
    looks += [
        [],  # nothing is left of an earlier sweep
        [("0", "PENDING", job.run_id)],
        [("0", "RUNNING", job.run_id)],
        NoAnswer("connect failure"), NoAnswer("connect failure"),
        [("0", "COMPLETING", job.run_id)],
        [("0", "PENDING", job.run_id)],
        [("0", "RUNNING", job.run_id)],
    ]  # fmt: skip
    made.submit(job)
    kinds = [[each.what for each in news(made)] for _ in range(7)]
    assert kinds == [[], ["began"], [], [], [], ["waits"], ["began"]]
    assert seen.log == ["Slurm does not answer and is asked again: connect failure"]
    tell(job.folder.parent / "slurm" / "0.json", Outcome(job.run_id, "completed"))
    (last,) = news(made)
    assert (last.what, last.outcome) == ("ended", Outcome(job.run_id, "completed"))
    assert not (job.folder.parent / "slurm" / "0.json").exists()


def test_a_job_between_two_states_is_given_time(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, looks, _ = queue
    (job,) = make_jobs(1)
    tell_path = job.folder.parent / "slurm" / "0.json"
    looks += [[], [("0", "RUNNING", job.run_id)], [], [("0", "PENDING", job.run_id)]]
    made.submit(job)
    tell(tell_path, Outcome(job.run_id, "interrupted"))
    assert [[each.what for each in news(made)] for _ in range(3)] == [["began"], [], ["waits"]]
    assert news(made) == []
    time.sleep(0.06)
    (last,) = news(made)
    assert last.outcome == Outcome(job.run_id, "interrupted")


def test_a_job_that_vanished_is_buried_with_what_slurm_knows(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _, _ = queue
    known = {"JobState": "OUT_OF_MEMORY", "ExitCode": "0:125"}
    monkeypatch.setattr(slurm_queue, "details", lambda job_id: known)
    (job,) = make_jobs(1)
    made.submit(job)
    assert news(made) == []
    time.sleep(0.06)
    (last,) = news(made)
    assert last.outcome is not None
    assert last.outcome.reason.startswith(
        "Slurm's job 0 ended (OUT_OF_MEMORY, exit code 0:125), see "
    )
    record = RunFolder(job.folder).read_record()
    assert record is not None and record.status == "failed"
    assert record.error is not None and record.error.type == "OUT_OF_MEMORY"


@pytest.mark.parametrize("alone", [True, False])
def test_jobs_that_an_earlier_sweep_left_are_found(
    alone: bool, queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made, looks, _ = queue
    made.claim = lambda folder: alone
    first, second = make_jobs(2)
    folder = first.folder.parent / "slurm"
    folder.mkdir()
    (folder / "41_submission.sh").touch()
    # The same run of another study of this user's is not ours.
    looks.append([("41", "RUNNING", first.run_id), ("42", "PENDING", second.run_id)])
    cancelled: list[str] = []
    monkeypatch.setattr(slurm_queue, "cancel", cancelled.extend)
    made.submit(first)
    made.submit(second)
    left = made.stop(at_once=False)
    assert cancelled == (["41", "1"] if alone else ["1"])  # not while another sweep waits for it
    assert left == ([] if alone else [first.run_id])
    looks.append([("41", "RUNNING", first.run_id)])
    assert [each.run_id for each in news(made)] == [second.run_id]


@pytest.mark.parametrize("known", [{}, {"JobState": "FAILED"}, NoAnswer("connect failure")])
def test_a_job_that_was_cancelled_is_interrupted_whatever_slurm_calls_it(
    known: Any, queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def details(job_id: str) -> dict[str, str]:
        if isinstance(known, Exception):
            raise known
        return known

    made, _, _ = queue
    monkeypatch.setattr(slurm_queue, "details", details)
    monkeypatch.setattr(slurm_queue, "cancel", lambda ids: None)
    (job,) = make_jobs(1)
    made.submit(job)
    made.stop(at_once=False)
    (last,) = news(made)
    assert last.outcome == Outcome(job.run_id, "interrupted")
    assert RunFolder(job.folder).read_record() is None


def test_what_slurm_prints_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = {
        "squeue": "5|RUNNING|a-b-s0-1\n6|COMPLETED|done\n7|PENDING|odd|name\nslurm: hello\n",
        "scontrol": "JobId=5 JobName=x JobState=TIMEOUT TimeLimit=00:10:00 Comment=a=b\n",
    }
    monkeypatch.setattr(slurm_commands, "_run", lambda *command: printed[command[0]])
    assert slurm_commands.queue() == [
        Queued("5", "RUNNING", "a-b-s0-1"), Queued("7", "PENDING", "odd|name"),
    ]  # fmt: skip
    assert slurm_commands.details("5")["TimeLimit"] == "00:10:00"
    assert slurm_commands.details("5")["Comment"] == "a=b"


def test_an_order_survives_json(make_jobs: MakeJobs) -> None:
    (job,) = make_jobs(1)
    order = Order.of(job, "module:call")
    again = Order(**json.loads(json.dumps(order.__dict__)))
    assert list(again.path) == list(order.path)
    assert again.folder == str(job.folder.absolute())
