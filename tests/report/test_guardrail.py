"""What so few runs cannot show."""

from __future__ import annotations

from pathlib import Path

from seqbench.report.content import gather


def test_three_seeds_and_one_comparison(store, tmp_path: Path) -> None:
    for model in ("lstm", "gru"):
        for seed in range(3):
            store(model=model, seed=seed, score=0.5 + seed / 100)
    (section,) = gather(tmp_path).sections
    first, second, *_ = section.guardrail
    assert first == (
        "With 3 paired seeds no sign-flip test can go below p = .25: one comparison need 6 seeds "
        "before any could be called significant. Until then read the intervals; a large p-value "
        "shows nothing here."
    ).replace("one comparison need", "one comparison needs")
    assert "takes 29 seeds of each" in second


def test_six_comparisons_need_eight_seeds(store, tmp_path: Path) -> None:
    for model in ("lstm", "gru", "cnn", "transformer"):
        for seed in range(5):
            store(model=model, seed=seed, score=0.5 + seed / 100)
    (section,) = gather(tmp_path).sections
    assert "6 comparisons under Holm's correction need 8 seeds" in section.guardrail[0]


def test_enough_seeds_for_a_test(store, tmp_path: Path) -> None:
    for model in ("lstm", "gru"):
        for seed in range(30):
            store(model=model, seed=seed, score=0.5 + seed / 100 + 0.1 * (model == "gru"))
    (section,) = gather(tmp_path).sections
    assert section.guardrail[0] == "30 paired seeds can reach p < .05 in one comparison."
    assert not any("29 seeds" in line for line in section.guardrail)


def test_one_configuration_is_compared_with_none(store, tmp_path: Path) -> None:
    store()
    (section,) = gather(tmp_path).sections
    assert section.guardrail == ()
