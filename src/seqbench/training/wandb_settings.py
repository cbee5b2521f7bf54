"""Where a run is mirrored at Weights & Biases: told without importing anything heavy."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlparse

from seqbench.config.instantiate import instantiate

WANDB_HOST = "https://api.wandb.ai"
Mode = Literal["online", "offline", "disabled"]
_MODES: dict[str, Mode] = {
    "online": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}


@dataclass(frozen=True, kw_only=True)
class WandbSettings:
    """Where a run is mirrored.

    Attributes:
        mode: "auto" is online where there are credentials, else offline. WANDB_MODE wins over it.
        project: the W&B project; WANDB_PROJECT wins over the default.
        entity: the W&B user or team; None for the account's own, or WANDB_ENTITY.
    """

    mode: Literal["auto", "online", "offline"] = "auto"
    project: str = "seqbench"
    entity: str | None = None

    def resolved_mode(self) -> Mode:
        """ "online", "offline" or "disabled": what `mode` and the environment come to."""
        if self.mode != "auto":
            return self.mode
        wanted = os.environ.get("WANDB_MODE", "").lower()
        if wanted in _MODES:
            return _MODES[wanted]
        return "online" if _has_credentials() else "offline"

    def announcement(self) -> str:
        """Where runs will be mirrored, in a line."""
        mode = self.resolved_mode()
        if mode == "disabled":
            return "W&B: off (WANDB_MODE=disabled)"
        if mode == "online":
            return f"W&B: online, project {self.project_name}"
        asked = self.mode == "offline" or "WANDB_MODE" in os.environ
        why = "" if asked else " (no credentials; `wandb login` makes it online)"
        return f"W&B: offline, in each run's folder{why}"

    @property
    def project_name(self) -> str:
        """The project that counts."""
        if self.project != WandbSettings.project:
            return self.project
        return os.environ.get("WANDB_PROJECT", self.project)

    @property
    def entity_name(self) -> str | None:
        """The user or team that counts; None for the account's own."""
        return self.entity or os.environ.get("WANDB_ENTITY")


def wandb_settings(config: Mapping[str, Any]) -> WandbSettings | None:
    """The settings of a run's config; None where it is not to be mirrored."""
    node = config["logger"]["wandb"]
    settings: WandbSettings | None = None if node is None else instantiate(node, "logger.wandb")
    return settings


def announcements(configs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where runs of these configs will be mirrored, each line once."""
    unlike = {repr(config["logger"]["wandb"]): config for config in configs}
    settings = map(wandb_settings, unlike.values())
    return list(dict.fromkeys(each.announcement() for each in settings if each is not None))


def _has_credentials() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", WANDB_HOST)).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
