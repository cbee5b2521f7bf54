from __future__ import annotations

import pytest

from seqbench.records.secrets import without_secrets


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("api_key=abc model=lstm", "api_key=*** model=lstm"),
        ("++logger.wandb.WANDB_API_KEY='a b' x=1", "++logger.wandb.WANDB_API_KEY=*** x=1"),
        ("{hf_token: abc, n: 1}", "{hf_token: ***, n: 1}"),
        ("mysql://u:p@ss@h/db", "mysql://u:***@h/db"),
        (
            "tokenizer=word max_tokens=100 pad_token=<pad>",
            "tokenizer=word max_tokens=100 pad_token=<pad>",
        ),
        ("https://host:80/path?a=b@c", "https://host:80/path?a=b@c"),
    ],
)
def test_text(text: str, clean: str) -> None:
    assert without_secrets(text, {}) == clean


def test_values_of_secret_variables_go_wherever_they_stand() -> None:
    environment = {"GITHUB_TOKEN": "ghp_12345678", "SHORT_TOKEN": "abc", "HOME": "/home/somebody"}
    plain = {"a": ["x ghp_12345678 y", "abc", "/home/somebody", 3, None], "password": "p"}
    assert without_secrets(plain, environment) == {
        "a": ["x *** y", "abc", "/home/somebody", 3, None],
        "password": "***",
    }
