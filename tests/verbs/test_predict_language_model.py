"""`seqbench predict` with a run that writes: what comes out, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import seqbench
from seqbench.config.compose import compose_job
from seqbench.errors import ConfigError, RecordError
from seqbench.records.folder import RunFolder
from seqbench.training.execute import execute

Cli = Any


def completed(overrides: list[str]) -> Path:
    job = compose_job(overrides)
    assert execute(job).record.status == "completed"
    return job.folder


@pytest.fixture(scope="module")
def lstm_run(tiny_text: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return completed([*tiny_text, f"paths.outputs={tmp_path_factory.mktemp('lstm')}"])


@pytest.fixture(scope="module")
def ngram_run(text_file: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = f"paths.outputs={tmp_path_factory.mktemp('ngram')}"
    return completed([*text_file, "model=baseline/kneser_ney", "logger=none", outputs])


@pytest.fixture(scope="module")
def word_run(tiny_text: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = f"paths.outputs={tmp_path_factory.mktemp('words')}"
    return completed(
        [*tiny_text, "tokenizer=word", "data.mark_documents=true", "tokenizer.max_vocab=9", outputs]
    )


RUNS = ["lstm_run", "ngram_run"]


@pytest.mark.parametrize("name", RUNS)
def test_a_text_goes_on(name: str, cli: Cli, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(name)
    ended = cli("predict", f"run={run}", "text=the cat", "tokens=25")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("the cat")
    assert len(ended.out) == len("the cat") + 25 + 1
    again = cli("predict", f"run={run}", "text=the cat", "tokens=25", "seed=0")
    assert again.out == ended.out
    other = cli("predict", f"run={run}", "text=the cat", "tokens=25", "seed=1")
    assert other.out != ended.out


def test_greedy_whatever_the_seed(cli: Cli, ngram_run: Path) -> None:
    outs = {
        cli("predict", f"run={ngram_run}", "text=the", "temperature=0", f"seed={seed}").out
        for seed in (0, 1)
    }
    assert len(outs) == 1


@pytest.mark.parametrize("name", RUNS)
def test_several_at_once(
    name: str, cli: Cli, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "texts.txt").write_text("the\na dog sat\n")
    run = request.getfixturevalue(name)
    ended = cli("predict", f"run={run}", "file=texts.txt", "samples=2", "tokens=10", "top_k=3")
    texts = ended.out.split("-----\n")
    assert [text[:3] for text in texts] == ["the", "the", "a d", "a d"]
    assert [len(text) for text in texts] == [14, 14, 20, 20]


def test_a_line_that_cannot_be_read_is_named(cli: Cli, tmp_path: Path, lstm_run: Path) -> None:
    (tmp_path / "texts.txt").write_text("the\n\na dog\n")
    ended = cli("predict", f"run={lstm_run}", "file=texts.txt", "tokens=3")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("seqbench: file texts.txt, line 2: expected a token at least")
    (tmp_path / "texts.txt").write_text("the\na ☃\n")
    ended = cli("predict", f"run={lstm_run}", "file=texts.txt", "tokens=3")
    assert ended.err.startswith("seqbench: file texts.txt, line 2: expected what the run's")


def test_what_is_typed_and_a_text_that_cannot_be_read(
    cli: Cli, lstm_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("the\n\ndé\na cat\n"))
    ended = cli("predict", f"run={lstm_run}", "interactive=true", "tokens=3")
    assert ended.code == 0
    lines = ended.err.splitlines()
    assert lines[0] == "a text a line; Ctrl-D ends"
    assert "expected a token at least" in lines[1]
    assert "got 'é', which it never holds; leave it out" in lines[2]
    assert ended.out.startswith("the")
    assert "a cat" in ended.out


def test_a_word_model_reads_unknown_words_and_begins_documents(
    cli: Cli, word_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = cli("predict", f"run={word_run}", "text=the zebra", "tokens=5")
    assert ended.code == 0
    assert "text: 'zebra' read as unknown" in caplog.text
    assert ended.out.startswith("the <unk>")
    nothing = cli("predict", f"run={word_run}", "text=", "tokens=5")
    assert nothing.code == 0
    assert 0 < len(nothing.out.split()) <= 5  # a document's end is a token, too


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (["text="], "text: expected a token at least, since this run knows no beginnings"),
        (["text=☃ snow"], "text: expected what the run's training text is made of, got '☃'"),
        (["text=a", "temperature=-1"], "temperature: expected a number >= 0 or null, got -1"),
        (["text=a", "top_p=1.01"], "top_p: expected a number in (0, 1] or null, got 1.01"),
        (["text=a", "top_p=0"], "top_p: expected a number in (0, 1] or null, got 0"),
        (["text=a", "top_k=0"], "top_k: expected an integer >= 1 or null, got 0"),
        (["text=a", "top=2"], "top: expected nothing, since the run's task is language_modeling"),
    ],
)
def test_what_is_refused(said: list[str], error: str, cli: Cli, lstm_run: Path) -> None:
    ended = cli("predict", f"run={lstm_run}", *said)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"seqbench: {error}")
    assert len(ended.err.splitlines()) == 1


def test_a_run_that_classifies_does_not_write(cli: Cli, network_run: Path) -> None:
    ended = cli("predict", f"run={network_run}", "text=a film", "temperature=0.5")
    assert ended.code == 2
    assert "temperature: expected nothing, since the run's task is classification" in ended.err


def test_from_python_it_is_the_same(cli: Cli, lstm_run: Path, network_run: Path) -> None:
    run = seqbench.load_run(lstm_run)
    (text,) = run.generate(["the cat"], tokens=25)
    assert cli("predict", f"run={lstm_run}", "text=the cat", "tokens=25").out[7:-1] == text
    first, second = run.generate(["the cat", "a"], tokens=5, temperature=0.0)
    assert (len(first), len(second)) == (5, 5)
    with pytest.raises(RecordError, match="expected a run that classifies, got task language"):
        run.probabilities(["the cat"])
    with pytest.raises(RecordError, match="expected a run of a language model, got task class"):
        seqbench.load_run(network_run).generate(["a film"])
    assert run.generate([]) == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"temperature": -1.0}, "temperature: expected a number >= 0, got -1.0"),
        ({"top_p": 1.5}, r"top_p: expected a number in \(0, 1\], got 1.5"),
        ({"tokens": 0}, "tokens: expected an integer >= 1, got 0"),
        ({"seed": -1}, "seed: expected an integer >= 0, got -1"),
    ],
)
def test_from_python_the_same_is_refused(said: dict[str, Any], error: str, lstm_run: Path) -> None:
    with pytest.raises(ConfigError, match=error):
        seqbench.load_run(lstm_run).generate(["the"], **said)


def test_extreme_settings_still_write(cli: Cli, lstm_run: Path) -> None:
    for said in ("top_p=1e-13", "repetition_penalty=1e-320", "temperature=1e-320"):
        ended = cli("predict", f"run={lstm_run}", "text=the", said, "tokens=5")
        assert (ended.code, ended.err, len(ended.out)) == (0, "", len("the") + 5 + 1)


@pytest.mark.parametrize("name", RUNS)
def test_evaluated_again_the_scores_are_the_records(
    name: str, cli: Cli, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(name)
    record = RunFolder(run).read_record()
    assert record is not None
    assert set(record.scores.test) == {"loss", "perplexity", "bits_per_character"}
    for split, scores in (("test", record.scores.test), ("validation", record.scores.validation)):
        ended = cli("evaluate", f"run={run}", f"split={split}")
        lines = [f"  {key} {value:.4f}" for key, value in scores.items() if value is not None]
        assert sorted(ended.out.splitlines()[1:]) == sorted(lines)
        assert " tokens" in ended.out.splitlines()[0]
    (tmp_path / "other.txt").write_text("the cat sat on the mat\n")
    ended = cli("evaluate", f"run={run}", "file=other.txt")
    assert ended.out.startswith(f"{record.run_id} on other.txt: 22 tokens\n")


def test_unknown_characters_of_a_file_are_told(
    cli: Cli, lstm_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other.txt").write_text("the cat sat on the møt\n")
    ended = cli("evaluate", f"run={lstm_run}", "file=other.txt")
    assert ended.code == 0
    assert "1 of 23 tokens are not in the vocabulary, read and scored as" in caplog.text
    caplog.clear()
    assert cli("evaluate", f"run={lstm_run}").code == 0
    assert "vocabulary" not in caplog.text


@pytest.mark.parametrize("name", RUNS)
def test_the_record_holds_samples_at_every_temperature(
    name: str, request: pytest.FixtureRequest
) -> None:
    record = RunFolder(request.getfixturevalue(name)).read_record()
    assert record is not None
    found = {each.temperature: each for each in record.scores.samples}
    assert list(found) == [0.2, 0.5, 1.0, 1.2]
    assert {len(each.texts) for each in found.values()} == {2}
    assert {each.tokens for each in found.values()} == {20}
    cool, warm = found[0.2].entropy, found[1.2].entropy
    assert cool is not None and warm is not None and cool < warm
