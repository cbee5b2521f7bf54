from __future__ import annotations

import json

import pytest

from seqbench.records.plain_json import load_json


def test_what_json_knows_comes_back() -> None:
    plain = {"a": [1, -2, 0.5, True, None, "é \U0001f600"], "b": {"": 2**63}}
    assert load_json(json.dumps(plain)) == plain


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_what_is_not_finite_is_none(number: str) -> None:
    assert load_json(f'{{"a": [{number}]}}') == {"a": [None]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expecting"),
        (str(2**64), "more than 64 bits: 18446744073709551616"),
        ("-" + "9" * 5000, "integer"),
        ("[" * 100_000, "nested too deeply"),
        (r'["\ud800"]', "surrogates not allowed"),
        (r'{"\uDC00": 1}', "surrogates not allowed"),
    ],
)
def test_what_other_engines_refuse_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load_json(text)
