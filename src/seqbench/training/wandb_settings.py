"""Where a run is mirrored at Weights & Biases: told without importing anything heavy."""

from __future__ import annotations

import configparser
import netrc
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from seqbench.config.instantiate import instantiate
from seqbench.errors import ConfigError
from seqbench.records.plain_json import node

# The public server under its name of today, which `wandb login` writes down, and its older one.
FORGE, CLOUD = "api.forge.coreweave.com", "api.wandb.ai"
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
        return "online" if has_credentials() else "offline"

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


_TARGET = f"{WandbSettings.__module__}.{WandbSettings.__qualname__}"


def wandb_settings(config: Mapping[str, Any]) -> WandbSettings | None:
    """The settings of a run's config; None where it is not to be mirrored.

    The config may be that of a record from elsewhere: nothing else is built than these settings.

    Raises:
        ConfigError: they are other settings than these.
    """
    mirror = node(config, "logger").get("wandb")
    if mirror is None:
        return None
    target = mirror.get("_target_") if isinstance(mirror, Mapping) else mirror
    if target != _TARGET:
        raise ConfigError("logger.wandb._target_", expected=_TARGET, got=str(target))
    settings: WandbSettings = instantiate(mirror, "logger.wandb")
    return settings


def announcements(configs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where runs of these configs will be mirrored, each line once."""
    unlike = {repr(config["logger"]["wandb"]): config for config in configs}
    settings = map(wandb_settings, unlike.values())
    return list(dict.fromkeys(each.announcement() for each in settings if each is not None))


def has_credentials() -> bool:
    """Whether `wandb` would find an API key, for the server that it would ask."""
    return bool(os.environ.get("WANDB_API_KEY")) or any(map(_has_key, _hosts()))


def _hosts() -> list[str]:
    """Under which names a netrc file may hold the key."""
    url = os.environ.get("WANDB_BASE_URL") or _base_url_of_settings_file()
    if not url:
        return [FORGE, CLOUD]
    host = urlparse(url).netloc
    return [host, CLOUD] if host == FORGE else [host]


def _base_url_of_settings_file() -> str | None:
    """The server that `wandb login --host URL` leaves for later."""
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / "settings", encoding="utf-8")
        return parser.get("default", "base_url", fallback=None)
    except (OSError, UnicodeError, configparser.Error):
        return None


def _has_key(host: str) -> bool:
    file = os.environ.get("NETRC")
    try:
        found = netrc.netrc(Path(file).expanduser() if file else None).authenticators(host)
    except (OSError, UnicodeError, netrc.NetrcParseError):
        return False
    return found is not None and bool(found[2])
