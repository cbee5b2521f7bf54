"""Keeps secrets out of what is written: keys, passwords, tokens."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
_NAME = r"(?:\w*_)?(?:api_?key|password|passwd|secret|credentials?|(?:access|auth|hf)_?token)"
_KEY = re.compile(_NAME, re.IGNORECASE)
# Any token, of variables alone: a config has pad_token and the like.
_VARIABLE = re.compile(rf"{_NAME}|\w+_token", re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"((?<!\w){_NAME}['\"]?\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,}}]+)", re.I)
_USERINFO = re.compile(r"(://[^/\s:@]*):[^/\s]+@")
_SHORTEST = 8  # a shorter value of a variable would also occur by chance


def without_secrets(value: Any, environment: Mapping[str, str] | None = None) -> Any:
    """The same plain containers with what looks secret replaced by `***`.

    Three rules: the value of a key named like a secret (`api_key`, `hf_token`), in a mapping or in
    `key=value` text; the password within a URL; and the value of any environment variable named
    like a secret, wherever it stands.

    Args:
        value: dicts, lists, strings and numbers.
        environment: the variables to look at; the process's own by default.
    """
    variables = os.environ if environment is None else environment
    known = [v for k, v in variables.items() if _VARIABLE.fullmatch(k) and len(v) >= _SHORTEST]
    return _clean(value, sorted(known, key=len, reverse=True))


def _clean(value: Any, known: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: HIDDEN if _is_secret(key, item) else _clean(item, known)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean(item, known) for item in value]
    if not isinstance(value, str):
        return value
    for secret in known:
        value = value.replace(secret, HIDDEN)
    return _USERINFO.sub(rf"\1:{HIDDEN}@", _ASSIGNMENT.sub(rf"\1{HIDDEN}", value))


def _is_secret(key: Any, value: Any) -> bool:
    return isinstance(value, str) and value != "" and _KEY.fullmatch(str(key)) is not None
