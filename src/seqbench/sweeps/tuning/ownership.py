"""Which process has a study of a database that several may write to."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from seqbench.errors import ConfigError

BEAT_SECONDS = 15.0  # between two signs of life
FRESH_SECONDS = 60.0  # after the last one a process is taken for dead; clocks may differ by less
OWNER = "owner"  # of the study


class Ownership:
    """This process's word that a study is its own, with a sign of life every so often.

    The lock file in the study's folder keeps apart the processes that see the folder. A database
    that was named by its URL may be another folder's or another machine's, too. The signs come
    from a thread: a launcher may be busy for hours with one run.

    Args:
        study: nobody else's at the moment; see `refuse_held`.
        storage: its database.
        folder: the study's, on this machine.

    Raises:
        ConfigError: another process has taken the study in the same moment.
    """

    def __init__(self, study: optuna.Study, storage: RDBStorage, folder: Path) -> None:
        self._study, self._storage = study, storage
        self._me = {"host": socket.gethostname(), "pid": os.getpid(), "folder": _resolved(folder)}
        self._ended = threading.Event()
        self._lost: ConfigError | None = None
        self._sign()
        self.check()
        self._thread = threading.Thread(target=self._beat, name="study owner", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Refuses to go on with a study that another process has taken.

        Raises:
            ConfigError: whose it is.
        """
        self._look()  # of two that began in the same moment the second may have signed since
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Gives the study up."""
        self._ended.set()
        self._thread.join()
        if self._lost is None:
            with suppress(StorageInternalError, SQLAlchemyError):  # then it is forgotten in time
                self._study.set_user_attr(OWNER, None)

    def _beat(self) -> None:
        try:
            while not self._ended.wait(BEAT_SECONDS) and self._lost is None:
                # A database that is away for a moment is the search's to complain of.
                with suppress(StorageInternalError, SQLAlchemyError, KeyError):
                    self._look()
                    if self._lost is None:
                        self._sign()
        finally:
            self._storage.remove_session()  # this thread's

    def _sign(self) -> None:
        self._study.set_user_attr(OWNER, {**self._me, "at": time.time()})

    def _look(self) -> None:
        found = self._study.user_attrs.get(OWNER)
        if found is None or any(found.get(key) != value for key, value in self._me.items()):
            self._lost = _held(self._study.study_name, found or {})


def refuse_held(study: optuna.Study, folder: Path) -> None:
    """Refuses a study whose process, at another folder or on another machine, lives.

    Of one at this folder the lock there has told already that it does not.

    Raises:
        ConfigError: whose it is.
    """
    found = study.user_attrs.get(OWNER)
    if not isinstance(found, Mapping):
        return
    here = {"host": socket.gethostname(), "folder": _resolved(folder)}
    if all(found.get(key) == value for key, value in here.items()):
        return
    if abs(time.time() - float(found.get("at", 0.0))) < FRESH_SECONDS:
        raise _held(study.study_name, found)


def _held(name: str, owner: Mapping[str, Any]) -> ConfigError:
    who = "another process"
    if owner:
        who = f"process {owner.get('pid')} on {owner.get('host')} for {owner.get('folder')}"
    return ConfigError(
        "study",
        expected="one that no other process in this database is at",
        got=f"{name}, held by {who}",
        remedy="wait for it to end (a killed one is forgotten after a minute), or give the search "
        "another name with study=NAME",
    )


def _resolved(folder: Path) -> str:
    return str(folder.resolve())
