"""The Slurm launcher where there is no Slurm: settings, what is missing, and who comes back."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Ended
from tests.sweeps.seen import MakeJobs, Seen
from tests.sweeps.stored import store

from seqbench.errors import ConfigError, ConfigErrors, TrainingError
from seqbench.records.folder import RunFolder
from seqbench.sweeps import slurm, slurm_commands, slurm_queue, slurm_run
from seqbench.sweeps.dispatch import News, NotTaken
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

Answers = Callable[..., None]


def raises_or(answer: Any) -> Callable[..., Any]:
    """A function that answers so, or raises an answer that is an error."""

    def give(*_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return give


def test_settings_that_make_no_sense() -> None:
    wrong = {
        "at_once": 0, "timeout_min": "1h", "cpus": True, "gpus": 0, "mem_gb": -1, "setup": "module",
        "extra": ["qos"], "partition": "", "poll_seconds": 0, "warning_seconds": 1.5, "account": 7,
    }  # fmt: skip
    with pytest.raises(ConfigErrors) as caught:
        Slurm.of(**{**SETTINGS, **wrong})
    assert {error.name.rpartition(".")[2] for error in caught.value.errors} == set(wrong)
    assert "hydra.launcher.timeout_min: expected a positive integer, got 1h" in caught.value.line()


@pytest.mark.parametrize(
    "option",
    [
        "nodes", "array", "cpus_per_task", "no-requeue", "quiet", "parsable", "wait", "clusters",
        "hold", "test-only", "tasks_per_node", "gpus", "mem-per-cpu",
    ],
)  # fmt: skip
def test_options_that_the_launcher_sets_itself(option: str) -> None:
    with pytest.raises(ConfigErrors, match="an option that the launcher does not set itself, got"):
        Slurm.of(**{**SETTINGS, "mem_gb": 1, "extra": {option: 2}})


def test_gpus_are_said_in_one_place() -> None:
    with pytest.raises(ConfigErrors, match=r"got --gres, which is what gpus says"):
        Slurm.of(**{**SETTINGS, "extra": {"gres": "gpu:1"}})
    assert Slurm.of(**{**SETTINGS, "extra": {"gres": "scratch:1", "mem-per-cpu": "1G"}}).extra


def test_a_warning_that_comes_as_the_job_begins_is_refused() -> None:
    for seconds, least in ((90, 3), (60, 3), (59, 2)):
        settings = {**SETTINGS, "warning_seconds": seconds}
        assert Slurm.of(**{**settings, "timeout_min": least}).timeout_min == least
        with pytest.raises(ConfigErrors) as caught:
            Slurm.of(**{**settings, "timeout_min": least - 1})
        assert caught.value.line() == (
            f"hydra.launcher.timeout_min: expected at least {least} with "
            f"warning_seconds={seconds}: Slurm may warn a minute early, got {least - 1}"
        )


@pytest.mark.parametrize("name", ["mem_gb", "poll_seconds"])
def test_an_amount_has_an_end(name: str) -> None:
    with pytest.raises(ConfigErrors, match=f"{name}: expected a positive number"):
        Slurm.of(**{**SETTINGS, name: math.inf})


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
            {"extra": {"exclusive": True, "nice": 0, "mail_type": "END", "overcommit": False}},
            {},
            {"cpus-per-task": 1, "exclusive": True, "nice": 0, "mail-type": "END"},
        ),
        ({"mem_gb": 0.0004}, {}, {"cpus-per-task": 1, "mem": "1M"}),  # 0M would be all there is
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
    always = {"time": 60, "nodes": 1, "ntasks": 1, "signal": "USR1@90", "requeue": True}
    assert flags == {**always, **expected}


def test_a_baseline_asks_for_no_gpu(make_jobs: MakeJobs) -> None:
    (job,) = make_jobs(1, accelerator="cuda")
    job.config["choices"]["model"] = "baseline/ngram"
    assert "gpus-per-node" not in Slurm.of(**SETTINGS)._flags(job)
    assert Slurm.of(**{**SETTINGS, "gpus": 1})._flags(job)["gpus-per-node"] == 1  # it was said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cpus": 5}, "cpus: expected at least trainer.threads times trainer.devices, 6, got 5"),
        ({"gpus": 1}, "gpus: expected at least trainer.devices, 2, got 1"),
        ({"gpus": "a100"}, "gpus: expected at least trainer.devices, 2, got a100"),
        ({"gpus": "a100:1,v100:1", "cpus": 6}, None),
    ],
)
def test_less_than_a_runs_devices_need_is_refused(
    settings: dict[str, Any], said: str | None, make_jobs: MakeJobs, answers: Answers
) -> None:
    answers()
    jobs = make_jobs(3, accelerator="cuda", devices=2, threads=3)
    launcher = Slurm.of(**{**SETTINGS, **settings})
    if said is None:
        assert launcher.prepare(jobs) == 3
        return
    with pytest.raises(ConfigErrors) as caught:
        launcher.prepare(jobs)
    assert caught.value.line() == f"hydra.launcher.{said}"


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


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Has Slurm's commands be there, and those that are named fail so."""

    def pretend(**failing: str) -> None:
        def answer(*command: str) -> str:
            if command[0] in failing:
                raise NoAnswer(failing[command[0]])
            return ""

        monkeypatch.setattr(slurm, "find_spec", lambda name: object())
        monkeypatch.setattr(slurm, "missing", list)
        monkeypatch.setattr(slurm_commands, "_run", answer)

    return pretend


@pytest.mark.parametrize("is_up", [True, False])
def test_a_controller_that_is_down_is_not_a_refusal(
    is_up: bool, make_jobs: MakeJobs, answers: Answers
) -> None:
    answers(**({"sbatch": "sbatch: no"} if is_up else {"squeue": "connect failure"}))
    with pytest.raises(ConfigErrors if is_up else TrainingError) as caught:
        Slurm.of(**SETTINGS).prepare(make_jobs(1))
    assert caught.value.line() == (
        "hydra.launcher: expected options that this cluster takes, got --cpus-per-task=1 "
        "--nodes=1 --ntasks=1 --requeue --signal=USR1@90 --time=60: sbatch: no"
        if is_up
        else "hydra/launcher=slurm: expected a Slurm controller that answers, got connect failure; "
        "scontrol ping says whether it is up"
    )


@pytest.mark.parametrize(
    "said",
    [
        "sbatch: error: AssocMaxSubmitJobLimit allocation failure: Job violates accounting/QOS "
        "policy (job submit limit, user's size and/or time limits)",
        "allocation failure: Required node not available (down, drained or reserved)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
    ],
)
def test_what_slurm_does_not_take_now_is_not_refused(
    said: str, make_jobs: MakeJobs, answers: Answers
) -> None:
    answers(sbatch=said)
    assert Slurm.of(**SETTINGS).prepare(make_jobs(2)) == 2


def test_defaults_of_the_environment_are_told_where_they_are_missed(
    make_jobs: MakeJobs, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(sbatch="Invalid account")
    monkeypatch.setenv("SBATCH_ACCOUNT", "mine")
    with pytest.raises(ConfigErrors, match="Invalid account; SBATCH_ACCOUNT is not heard here"):
        Slurm.of(**SETTINGS).prepare(make_jobs(1))


def test_commands_do_not_see_what_is_meant_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = {"SBATCH_PARTITION", "SLURM_CPU_BIND", "SLURM_JOB_ID", "SQUEUE_QOS", "SCANCEL_STATE"}
    kept = {"SLURM_CONF", "PATH", "MY_SLURM_NOTES"}
    for name in (hidden | kept) - {"PATH"}:
        monkeypatch.setenv(name, "said")
    script = tmp_path / "sbatch"
    script.write_text("#!/bin/sh\nenv\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    by_submitit = subprocess.run(
        slurm_commands.submission(Path("x")), capture_output=True, text=True, check=True
    )
    for printed in (slurm_commands._run("sbatch"), by_submitit.stdout):
        names = {line.partition("=")[0] for line in printed.splitlines()}
        assert names & (hidden | kept) == kept


def test_a_submission_ends_in_time_and_not_by_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "sbatch"
    script.write_text("#!/bin/sh\nps -o pgid= -p $$ >&2\nsleep 30\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm_commands, "ANSWER_SECONDS", 0.5)
    done = subprocess.run(slurm_commands.submission(Path("x")), capture_output=True, text=True)
    assert done.returncode != 0
    assert int(done.stderr.split()[0]) != os.getpgid(0)


def test_a_batch_of_jobs_that_is_not_cancelled_keeps_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[int] = []

    def run(*command: str) -> str:
        told.append(len(command) - 2)
        if len(told) == 1:
            raise NoAnswer("connect failure")
        return ""

    monkeypatch.setattr(slurm_commands, "_run", run)
    with pytest.raises(NoAnswer, match="connect failure"):
        slurm_commands.cancel(map(str, range(450)))
    assert told == [200, 200, 50]


@pytest.fixture
def node(
    tmp_path: Path, make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Outcome | None, list[str]]]:
    """Executes a run that is interrupted, as a job that Slurm says this of."""

    def run(
        *, before: bool = False, checkpoint: bool = False, says: Sequence[str] = (), **known: str
    ) -> tuple[Outcome | None, list[str]]:
        (job,) = make_jobs(1)
        requeued: list[str] = []
        path = RunFolder(job.folder).checkpoints / "last.ckpt"
        if before:  # by the clock of a file server that is ahead
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path, (time.time() + 99, time.time() + 99))
        said = list(says)

        def perform(order: Order) -> Outcome:
            if checkpoint:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
                os.utime(path, (time.time() - 99, time.time() - 99))  # and one that is behind
            return Outcome(job.run_id, "interrupted")

        def details(job_id: str) -> dict[str, str]:
            if said:
                raise NoAnswer(said.pop(0))
            return known

        monkeypatch.setenv("SLURM_JOB_ID", "7")
        monkeypatch.setattr(slurm_run, "perform", perform)
        monkeypatch.setattr(slurm_run, "details", details)
        monkeypatch.setattr(slurm_run, "requeue", requeued.append)
        monkeypatch.setattr(slurm_run, "AGAIN_SECONDS", 0.01)
        monkeypatch.setattr(slurm_run, "GIVE_UP_SECONDS", 0.1)
        with pytest.raises(SystemExit) as ended:
            SlurmRun(Order.of(job, "module:call"), str(tmp_path))()
        outcome = told(tmp_path / "7.json")
        assert outcome is not None
        assert ended.value.code == (1 if outcome.status == "failed" else 130)
        return outcome, requeued

    return run


Node = Callable[..., tuple[Outcome, list[str]]]


def test_no_torch_is_loaded_before_a_job_hears_signals() -> None:
    """It takes seconds, in which Slurm's word to stop would be submitit's."""
    code = (
        "import sys; from seqbench.sweeps.node import Order; "
        "from seqbench.sweeps.slurm_run import SlurmRun; "
        "order = Order(call='', folder='none', cwd='', path=(), argv=()); "
        "assert SlurmRun(order, 'none')._checkpoint() is None; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


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
    known = {"JobState": state, "PreemptTime": "None", "TimeLimit": "00:10:00"}
    for before in (False, True):  # none at all, and none but that of an earlier start
        outcome, requeued = node(before=before, **known)
        assert requeued == []
        assert (outcome.status, outcome.reason) == (
            "failed", "Slurm's limit of 00:10:00 came before a new checkpoint",
        )  # fmt: skip
    for before in (False, True):
        outcome, requeued = node(before=before, checkpoint=True, **known)
        assert (outcome.status, requeued) == ("interrupted", ["7"])


def test_a_job_that_cannot_come_back_says_so(node: Node) -> None:
    outcome, _ = node(says=["slurm is away"] * 99)
    assert outcome.reason == "it could not be queued again: slurm is away"


def test_a_busy_controller_is_asked_again(node: Node) -> None:
    outcome, requeued = node(says=["timed out"] * 2, JobState="PREEMPTED")
    assert (outcome.reason, requeued) == ("", ["7"])


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
        call="module:call", flags=lambda job: {}, setup=(), python="python", poll_seconds=0.0,
        claim=lambda folder: True, observer=seen,
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
    monkeypatch.setattr(slurm_queue, "details", lambda job_id: {})  # it was long ago
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
    made, looks, seen = queue
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
    looks.append([("41", "COMPLETING", first.run_id)])
    told = [(each.run_id, each.what) for each in news(made)]
    assert told == [(first.run_id, "began")] * alone + [(second.run_id, "ended")]
    assert seen.log == [
        "1 jobs of this study are in Slurm's queue, as they were submitted: their runs are not "
        "submitted again"
    ]


@pytest.mark.parametrize(
    ("state", "outcome", "found"),
    [
        ("RUNNING", None, True),
        ("RUNNING", "interrupted", True),  # it is at work again
        ("RUNNING", "failed", False),
        ("COMPLETING", None, False),
        ("PENDING", "failed", True),  # somebody has queued it again
    ],
)
def test_a_job_on_its_way_out_is_not_waited_for(
    state: str, outcome: Any, found: bool, queue: tuple[SlurmQueue, list[Any], Seen],
    make_jobs: MakeJobs,
) -> None:  # fmt: skip
    made, looks, _ = queue
    (job,) = make_jobs(1)
    folder = job.folder.parent / "slurm"
    folder.mkdir()
    (folder / "41_submission.sh").touch()
    if outcome is not None:
        tell(folder / "41.json", Outcome(job.run_id, outcome))
    looks += [[("41", state, job.run_id)]] * 2
    made.submit(job)
    assert made._handed[job.run_id].job_id == ("41" if found else "0")
    assert [each.what for each in news(made)] == ["began"] * (found and state == "RUNNING")


def test_another_runs_word_is_not_believed(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs
) -> None:
    made, looks, _ = queue
    (job,) = make_jobs(1)
    looks += [[], [("0", "PENDING", job.run_id)]]
    made.submit(job)
    tell(job.folder.parent / "slurm" / "0.json", Outcome("another", "failed"))
    assert news(made) == []


@pytest.mark.parametrize("known", [{"JobState": "PENDING"}, NoAnswer("timed out")])
def test_a_job_that_the_queue_does_not_show_is_waited_for_until_it_has_ended(
    known: Any, queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(slurm_queue, "details", raises_or(known))
    monkeypatch.setattr(slurm_queue, "LINGER_SECONDS", 0.0)
    made, _, _ = queue
    (job,) = make_jobs(1)
    made.submit(job)
    assert [news(made) for _ in range(3)] == [[], [], []]
    assert RunFolder(job.folder).read_record() is None
    monkeypatch.setattr(slurm_queue, "details", lambda job_id: {"JobState": "FAILED"})
    (last,) = news(made)
    assert last.outcome is not None and last.outcome.status == "failed"


@pytest.mark.parametrize(
    ("state", "told_before"), [("TIMEOUT", False), ("PREEMPTED", True), ("FAILED", True)]
)
def test_a_run_whose_job_is_lost_goes_on_in_another(
    state: str, told_before: bool, queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It was killed as it saved its checkpoint, or could not be queued again."""
    made, _, _ = queue
    ids, cancelled = iter("456"), list[str]()
    monkeypatch.setattr(SlurmQueue, "_submit", lambda self, job, folder: next(ids))
    monkeypatch.setattr(slurm_queue, "cancel", cancelled.extend)
    monkeypatch.setattr(slurm_queue, "details", lambda job_id: {"JobState": state})
    monkeypatch.setattr(slurm_queue, "LINGER_SECONDS", 0.0)
    (job,) = make_jobs(1)
    made.submit(job)
    told: list[News] = []
    for job_id in "456":
        if told_before:
            path = job.folder.parent / "slurm" / f"{job_id}.json"
            tell(path, Outcome(job.run_id, "interrupted", "Slurm is away"))
        told += news(made)
    assert [each.what for each in told] == ["waits", "waits", "ended"]
    assert cancelled == ["4", "5"]  # Slurm is not to bring them back beside the new ones
    assert told[-1].outcome is not None
    assert told[-1].outcome.reason.startswith(
        "Slurm is away" if told_before else "Slurm's job 6 ended (TIMEOUT, "
    )


def test_a_run_whose_job_is_lost_is_not_given_up_while_none_is_taken(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _, _ = queue
    (job,) = make_jobs(1)
    made.submit(job)
    cancelled: list[str] = []
    monkeypatch.setattr(slurm_queue, "cancel", cancelled.extend)
    known = iter([{"JobState": "NODE_FAIL"}])
    monkeypatch.setattr(slurm_queue, "details", lambda job_id: next(known, {}))  # it is forgotten
    monkeypatch.setattr(slurm_queue, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(SlurmQueue, "_submit", raises_or(NotTaken("queue is full")))
    assert [news(made) for _ in range(5)] == [[]] * 5
    monkeypatch.setattr(SlurmQueue, "_submit", lambda self, job, folder: "9")
    assert [each.what for each in news(made)] == ["waits"]
    assert cancelled == ["0"]


def test_runs_that_lost_their_jobs_go_on_one_a_look(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that fails takes many with it, and a stop is to be heard before all are queued."""
    made, _, _ = queue
    made.poll_seconds = 3600.0  # the next one's turn does not wait for it
    jobs = make_jobs(3)
    for job in jobs:
        made.submit(job)
    monkeypatch.setattr(slurm_queue, "cancel", lambda ids: None)
    monkeypatch.setattr(slurm_queue, "details", lambda job_id: {"JobState": "NODE_FAIL"})
    monkeypatch.setattr(slurm_queue, "LINGER_SECONDS", 0.0)
    ids = iter("789")
    monkeypatch.setattr(SlurmQueue, "_submit", lambda self, job, folder: next(ids))
    monkeypatch.setattr(slurm_queue, "queue", lambda: [Queued("7", "PENDING", jobs[0].run_id)])
    made._looked = -1e9
    assert [each.run_id for each in news(made)] == [jobs[0].run_id]
    assert [each.run_id for each in news(made)] == [jobs[1].run_id]
    made.stop(at_once=False)
    told = [(each.what, each.run_id) for each in news(made)]
    assert told == [("ended", job.run_id) for job in jobs[1:]]  # the second's new job is gone
    assert next(ids) == "9"


@pytest.mark.parametrize("since", [True, False])
def test_a_run_that_ended_before_its_job_was_lost_has_ended(
    since: bool, queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A record from before its job is one of a forced run's, which is to be done again."""
    made, _, _ = queue
    (job,) = make_jobs(1)
    made.submit(job)
    monkeypatch.setattr(slurm_queue, "cancel", lambda ids: None)
    monkeypatch.setattr(slurm_queue, "details", lambda job_id: {"JobState": "NODE_FAIL"})
    monkeypatch.setattr(slurm_queue, "LINGER_SECONDS", 0.0)
    store(job, finished="2999-01-01T00:00:00Z" if since else "2000-01-01T00:00:00Z")
    (last,) = news(made)
    assert last.what == ("ended" if since else "waits")
    if since:
        assert last.outcome is not None
        assert (last.outcome.status, last.outcome.already) == ("completed", False)


def test_what_is_not_cancelled_is_cancelled_again(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, looks, seen = queue
    first, second = make_jobs(2)
    made.submit(first)
    made.submit(second)
    cancelled: list[list[str]] = []

    def cancel(ids: Iterable[str]) -> None:
        cancelled.append(list(ids))
        if len(cancelled) == 1:
            raise NoAnswer("timed out")

    monkeypatch.setattr(slurm_queue, "cancel", cancel)
    made.stop(at_once=False)
    assert seen.log == ["the jobs could not be cancelled (timed out): scancel 0 1"]
    looks.append([("0", "PENDING", first.run_id), ("1", "RUNNING", second.run_id)])
    news(made)
    assert cancelled == [["0", "1"]] * 2
    # One was on its way back into the queue as it was cancelled.
    looks.append([("0", "PENDING", first.run_id), ("1", "COMPLETING", second.run_id)])
    news(made)
    assert cancelled[2:] == [["0"]]
    made.stop(at_once=True)
    assert cancelled[3:] == []  # all are


def test_told_twice_to_stop_it_tries_once_more_to_cancel(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _, _ = queue
    made.submit(*make_jobs(1))
    tries: list[list[str]] = []

    def cancel(ids: Iterable[str]) -> None:
        tries.append(list(ids))
        raise NoAnswer("timed out")

    monkeypatch.setattr(slurm_queue, "cancel", cancel)
    made.stop(at_once=False)
    made.stop(at_once=True)
    assert tries == [["0"]] * 2


def test_a_job_that_will_not_start_by_itself_is_told_once(
    queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs
) -> None:
    made, looks, seen = queue
    first, second = make_jobs(2)
    looks.append([])
    made.submit(first)
    made.submit(second)
    for reason in ("Priority", "JobHeldUser", "DependencyNeverSatisfied", "QOSMaxJobsPerUserLimit"):
        looks.append([(f"{job.seed}", "PENDING", job.run_id, reason) for job in (first, second)])
        assert news(made) == []
    assert seen.log == [
        f"{first.run_id} does not start by itself (JobHeldUser): scontrol release 0 lets it go, "
        "scancel 0 ends it",
        f"{first.run_id} does not start by itself (DependencyNeverSatisfied): scancel 0 ends it",
    ]


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("JobHoldMaxRequeue", "scontrol release 0 lets it go, scancel 0 ends it"),
        ("launch failed requeued held", "scontrol release 0 lets it go, scancel 0 ends it"),
        ("MaxMemPerLimit", "scancel 0 ends it"),
        ("ReservationDeleted", "scancel 0 ends it"),
        ("QOSTimeLimit", "scancel 0 ends it"),
        ("QOSMinCpuNotSatisfied", "scancel 0 ends it"),
        ("QOSUsageThreshold", None),  # which time does away with
        ("AssocGrpCpuLimit", None),
    ],
)
def test_which_reasons_to_wait_no_time_does_away_with(
    reason: str, remedy: str | None, queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs
) -> None:
    made, looks, seen = queue
    (job,) = make_jobs(1)
    looks += [[], [("0", "PENDING", job.run_id, reason)]]
    made.submit(job)
    news(made)
    told = f"{job.run_id} does not start by itself ({reason}): {remedy}"
    assert seen.log == ([] if remedy is None else [told])


@pytest.mark.parametrize("known", [{}, {"JobState": "FAILED"}, NoAnswer("connect failure")])
def test_a_job_that_was_cancelled_is_interrupted_whatever_slurm_calls_it(
    known: Any, queue: tuple[SlurmQueue, list[Any], Seen], make_jobs: MakeJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made, _, _ = queue
    monkeypatch.setattr(slurm_queue, "details", raises_or(known))
    monkeypatch.setattr(slurm_queue, "cancel", lambda ids: None)
    (job,) = make_jobs(1)
    made.submit(job)
    made.stop(at_once=False)
    (last,) = news(made)
    assert last.outcome == Outcome(job.run_id, "interrupted")
    assert RunFolder(job.folder).read_record() is None


def test_what_slurm_prints_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = {
        "squeue": "5\tRUNNING\ta-b-s0-1\tNone\t/a b/5.sh\n6\tCOMPLETED\tdone\tNone\t(null)\n"
        "7\tPENDING\todd|name\tlaunch failed requeued held\t(null)\nslurm: hello\n",
        "scontrol": "JobId=5 JobName=x JobState=TIMEOUT TimeLimit=00:10:00 Comment=a=b\n",
    }
    monkeypatch.setattr(slurm_commands, "_run", lambda *command: printed[command[0]])
    assert slurm_commands.queue() == [
        Queued("5", "RUNNING", "a-b-s0-1", "None", "/a b/5.sh"),
        Queued("7", "PENDING", "odd|name", "launch failed requeued held", "(null)"),
    ]  # fmt: skip
    assert slurm_commands.details("5")["TimeLimit"] == "00:10:00"
    assert slurm_commands.details("5")["Comment"] == "a=b"


def test_an_order_survives_json(make_jobs: MakeJobs) -> None:
    (job,) = make_jobs(1)
    order = Order.of(job, "module:call")
    again = Order(**json.loads(json.dumps(order.__dict__)))
    assert list(again.path) == list(order.path)
    assert again.folder == str(job.folder.absolute())
