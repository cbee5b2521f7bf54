"""`seqbench publish`: offline W&B runs synced, and the W&B report made of them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.config.compose import run_verb
from seqbench.errors import ConfigError, RecordError, SeqbenchError, first_line
from seqbench.training.wandb_settings import WandbSettings, has_credentials, wandb_settings
from seqbench.verbs.publish_sync import Mirror, Target, mirrors, send

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report

    from seqbench.records.load import Problem
    from seqbench.records.record import RunRecord
    from seqbench.report.content import Content

MAX_TITLE = 128  # characters, W&B's limit
_MISSING = "pip install 'seqbench[publish]'"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be sent, and where to.

    Attributes:
        content: what the report shows.
        mirrors: what each run folder holds of W&B.
        left_out: run folders without a usable record.
        target: project and entity.
        title: the report's.
    """

    content: Content
    mirrors: Sequence[Mirror]
    left_out: Sequence[Problem]
    target: Target
    title: str

    def of(self, state: str) -> list[Mirror]:
        """The mirrors in one state."""
        return [mirror for mirror in self.mirrors if mirror.state == state]


def main(argv: list[str]) -> int:
    """Compose, check, sync, report."""
    return run_verb("publish", argv, publish)


def publish(settings: dict[str, Any]) -> int:
    """Send the runs below `runs` and make their report, or say what would be done.

    Returns:
        0; 1 where a run could not be sent.

    Raises:
        SeqbenchError: nothing to send, nowhere to send it to, or W&B lets nobody in.
    """
    plan = planned(settings)
    if settings["dry_run"] or not has_credentials():
        print("\n".join(dry_run(plan, asked=settings["dry_run"])))
        return 0
    return _carry_out(plan)


def planned(settings: dict[str, Any]) -> Plan:
    """Reads records and W&B files; nothing is sent or written.

    Raises:
        SeqbenchError: no runs, none with W&B files, runs of several projects, a title too long.
    """
    from seqbench.records.load import load_records
    from seqbench.report.content import gather

    title = settings["title"]
    if title is not None and not 0 < len(title) <= MAX_TITLE:
        got = f"{len(title)} characters"
        raise ConfigError("title", expected=f"1 to {MAX_TITLE} characters", got=got)
    runs = settings["runs"]
    paths = [Path(path) for path in ([runs] if isinstance(runs, str) else runs)]
    content, left_out = gather(paths), load_records(paths).problems
    records = [run.record for run in content.runs]
    target = _target(records, project=settings["project"], entity=settings["entity"])
    found = mirrors(content.runs, target)
    if all(mirror.state == "none" for mirror in found):
        raise _nothing_to_send(str(runs), found, left_out)
    return Plan(
        content=content,
        mirrors=found,
        left_out=left_out,
        target=target,
        title=title or _short(content),
    )


def _short(content: Content) -> str:
    """The question, cut to what W&B takes as a title."""
    question = content.question
    return question if len(question) <= MAX_TITLE else f"{question[: MAX_TITLE - 1].rstrip()}…"


def _nothing_to_send(
    runs: str, found: Sequence[Mirror], left_out: Sequence[Problem]
) -> SeqbenchError:
    why = Counter(mirror.reason for mirror in found)
    told = [f"{count} with {reason!r}" for reason, count in why.most_common()]
    told += [f"{len(left_out)} left out ({left_out[0].message})"] if left_out else []
    return RecordError(
        runs,
        expected="runs with W&B files",
        got=", ".join(told),
        remedy="train with logger=offline or logger=wandb",
    )


def _target(records: Iterable[RunRecord], *, project: str | None, entity: str | None) -> Target:
    """Where to: what the user says, else what the runs' own settings come to."""
    found = [each for r in records if (each := wandb_settings(r.config)) is not None]
    settings = found or [WandbSettings()]
    return Target(
        project=project or _only("project", {each.project_name for each in settings}),
        entity=entity or _only("entity", {each.entity_name for each in settings}),
    )


def _only(key: str, values: set[Any]) -> Any:
    """The one value, since a W&B report belongs to one project."""
    if len(values) == 1:
        return next(iter(values))
    told = ", ".join(sorted(map(str, values)))
    raise ConfigError(
        key, expected=f"runs of one {key}", got=told, remedy=f"{key}=NAME sends all of them there"
    )


def dry_run(plan: Plan, *, asked: bool) -> list[str]:
    """What would be done, line by line.

    Args:
        plan: what is to be sent.
        asked: whether the user asked for a dry run; else there are no credentials.
    """
    why = "" if asked else ": there are no W&B credentials"
    lines = [f"dry run{why}; nothing is sent or written", f"to {plan.target}:"]
    for mirror in plan.mirrors:
        would = f"would be synced as {mirror.wandb_id}"
        lines.append(f"  {mirror.run_id}: {mirror.reason or would}")
    lines += _not_counted(plan)
    lines.append(
        f"runs: {len(plan.of('offline'))} would be synced, {len(plan.of('synced'))} are already, "
        f"{len(plan.of('online') + plan.of('elsewhere'))} were online, "
        f"{len(plan.of('none'))} have nothing to send"
    )
    lines.append(
        f"report: {plan.title!r} would be made in {plan.target}: {_sections(plan.content)}"
    )
    if find_spec("wandb_workspaces") is None:
        lines.append(f"report: it needs wandb-workspaces, which is missing: {_MISSING}")
    if not asked:
        lines.append("to send it: `wandb login` (or WANDB_API_KEY), then the same command again")
    return lines


def _not_counted(plan: Plan) -> list[str]:
    return [f"  {left.path.name}: left out: {left.message}" for left in plan.left_out]


def _sections(content: Content) -> str:
    tables = [f"{table.data} (table and plots)" for table in content.tables]
    failed = len(content.failures)
    last = [f"runs without a score: {failed}"] if failed else []
    return ", ".join(["the answer", *tables, "how to read the numbers", *last])


def _carry_out(plan: Plan) -> int:
    """Nothing is sent before it is sure that all can be: W&B lets us in, the report is built."""
    build, save = _workspaces()
    plan = _known(plan)
    report = build(plan.content, target=plan.target, title=plan.title)
    failed = _sync(plan)
    if len(failed) == len(plan.of("offline")) and not plan.of("synced") + plan.of("online"):
        print(f"seqbench: report: not made: no run is in {plan.target}", file=sys.stderr)
        return 1
    print(f"report: {_saved(save, report)}")
    return 1 if failed else 0


def _workspaces() -> tuple[Any, Any]:
    try:
        from seqbench.verbs.publish_report import report_of, save
    except ImportError as error:
        raise SeqbenchError(
            "wandb-workspaces", expected="it to be installed", got=str(error), remedy=_MISSING
        ) from error
    return report_of, save


def _known(plan: Plan) -> Plan:
    """The plan for the account's own entity where none is named.

    Raises:
        SeqbenchError: W&B cannot be reached, refuses the credentials, or knows no entity.
    """
    import wandb

    try:
        own = wandb.Api().default_entity
    except Exception as error:
        raise SeqbenchError(
            "W&B",
            expected="to be let in",
            got=first_line(error),
            remedy="nothing was sent; see `wandb login`, WANDB_API_KEY and WANDB_BASE_URL",
        ) from error
    target = plan.target
    if target.entity is None and not own:
        got = "null, and an account without a default"
        raise ConfigError("entity", expected="a W&B user or team", got=got, remedy="entity=NAME")
    if target.entity is None:
        target = replace(target, entity=own)
    found = mirrors(plan.content.runs, target, own_entity=own)
    return replace(plan, target=target, mirrors=found)


def _sync(plan: Plan) -> list[Mirror]:
    """Sends what is to be sent, one after the other, and tells of each; those that failed."""
    failed = []
    print(f"to {plan.target}:", flush=True)
    for mirror in plan.mirrors:
        if mirror.state != "offline":
            print(f"  {mirror.run_id}: {mirror.reason}")
            continue
        print(f"  {mirror.run_id}: ", end="", flush=True)
        reason = send(mirror, plan.target)
        print("not synced" if reason else f"synced as {mirror.wandb_id}", flush=True)
        if reason is not None:
            print(f"seqbench: {mirror.run_id}: not synced: {reason}", file=sys.stderr, flush=True)
            failed.append(mirror)
    for line in _not_counted(plan):
        print(line)
    sent = len(plan.of("offline")) - len(failed)
    print(f"runs: {sent} synced, {len(failed)} failed, {len(plan.of('synced'))} synced before")
    return failed


def _saved(save: Any, report: Report) -> str:
    try:
        return str(save(report))
    except Exception as error:
        raise SeqbenchError(
            "report",
            expected="W&B to take it",
            got=first_line(error),
            remedy="the same command again",
        ) from error
