from __future__ import annotations

from typing import Any

import pytest

from seqbench.errors import RecordError
from seqbench.records.stated_claims import StatedClaim, stated_claims

CLAIM: dict[str, Any] = {
    "claim": "GRU beats LSTM",
    "metric": "accuracy",
    "first": {"model": "gru"},
    "second": {"model": "lstm"},
    "direction": "greater",
    "smallest_effect": 0.01,
}


def test_a_claim_as_a_study_states_it() -> None:
    (claim,), wrong = stated_claims({"claims": [CLAIM]})
    assert not wrong
    assert claim == StatedClaim(**CLAIM)
    assert (claim.smallest_effect, claim.relative) == (0.01, False)
    assert stated_claims({}) == stated_claims({"claims": None}) == ([], [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrik": 1}, r"claims\[0\]: unknown keys: expected some of claim, metric.*got metrik"),
        ({"metric": None}, r"claims\[0\]\.metric: expected text, got None"),
        ({"direction": "up"}, r"direction: expected one of greater, less, equal, got 'up'"),
        ({"first": {}}, r"first: expected config keys with values, such as {model: gru}"),
        ({"second": {"model": "gru"}}, r"second: expected another side than first, got the same"),
        ({"smallest_effect": -1}, r"smallest_effect: expected a number that is not negative"),
        ({"smallest_effect": float("nan")}, r"smallest_effect: expected a number that is not neg"),
        ({"direction": "equal", "smallest_effect": 0}, r"expected more than 0 where sides are"),
        ({"relative": "yes"}, r"relative: expected true or false"),
    ],
)
def test_what_nobody_could_judge_is_refused(change: dict[str, Any], message: str) -> None:
    found, wrong = stated_claims({"claims": [{**CLAIM, **change}, CLAIM]})
    assert len(found) == 1
    with pytest.raises(RecordError, match=message):
        raise wrong[0]


AT = "samples.temperature"
OF_TEXTS: dict[str, Any] = {
    "claim": "Heat brings disorder",
    "metric": "samples.entropy",
    "first": {"model": "gru", AT: 1.2},
    "second": {"model": "gru", AT: 0},
    "direction": "greater",
}


def test_a_claim_on_texts_that_were_written() -> None:
    (claim,), wrong = stated_claims({"claims": [OF_TEXTS]})
    assert not wrong
    assert claim == StatedClaim(**OF_TEXTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"metric": "samples.entropie"},
            r"\.metric: expected one of samples\.distinct_1, .*entropie",
        ),
        ({"metric": "samples.tokens"}, r"\.metric: expected one of samples\.distinct_1"),
        ({"first": {"model": "gru"}}, r"first\.samples\.temperature: expected a temp.*got nothing"),
        ({"second": {AT: -1}}, r"second\.samples\.temperature: expected a temperature.*got -1"),
        ({"second": {AT: "hot"}}, r"second\.samples\.temperature: expected a temp.*got 'hot'"),
        ({"metric": "loss"}, r"first\.samples\.temperature: expected nothing with metric=loss"),
        ({"second": OF_TEXTS["first"]}, r"second: expected another side than first"),
    ],
)
def test_a_claim_on_texts_that_nobody_could_judge(change: dict[str, Any], message: str) -> None:
    found, (wrong,) = stated_claims({"claims": [{**OF_TEXTS, **change}]})
    assert not found
    with pytest.raises(RecordError, match=message):
        raise wrong


def test_missing_keys_and_other_kinds() -> None:
    with pytest.raises(RecordError, match=r"missing keys.*got direction"):
        StatedClaim.of({k: v for k, v in CLAIM.items() if k != "direction"})
    with pytest.raises(RecordError, match="expected a mapping, got 'GRU wins'"):
        StatedClaim.of("GRU wins")
    (wrong,) = stated_claims({"claims": "GRU wins"})[1]
    assert "expected a list of claims" in wrong.line()
