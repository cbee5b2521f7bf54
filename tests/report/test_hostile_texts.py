"""Every text of every record as an attack: none becomes markup, in whatever form of the report."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqbench.records.record import RunError, Samples
from seqbench.records.schema import to_plain
from seqbench.report.write import Report, write_report

# What the program itself reads in a record: changed, the record would be refused.
OWN = re.compile(
    r"^(\.status|\.scores\.primary\.name|.*\._target_|\.config\.claims\.0\.(metric|direction))$"
)
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>&amp;{{7*7}}{%x%}"
LATEX = "\\input{/etc/passwd}\n\n\\end{tabular}$x_1^2$ 5% #1 ~ {"


class Tags(HTMLParser):
    """The tags of a page with what they do."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def tags(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    parser.close()
    return parser


def poisoned(plain: Any, attack: str, at: str = "") -> Any:
    """The same containers with the attack at the end of every text, keys of names included."""
    if isinstance(plain, dict):
        named = at in (".scores.per_class", ".provenance.overlaps", ".provenance.versions")
        return {
            (f"{key}{attack}" if named else key): poisoned(item, attack, f"{at}.{key}")
            for key, item in plain.items()
        }
    if isinstance(plain, list):
        return [poisoned(item, attack, f"{at}.0") for item in plain]
    return plain + attack if isinstance(plain, str) and not OWN.match(at) else plain


@pytest.fixture
def report(store: Any, tmp_path: Path) -> Callable[[str], Report]:
    """The report of a study whose every text ends with an attack."""

    def make(attack: str) -> Report:
        claim = {
            "claim": "one wins", "metric": "accuracy", "first": {"model": "lstm"},
            "second": {"model": "gru"}, "direction": "greater", "smallest_effect": 0.0,
            "relative": False,
        }  # fmt: skip
        for seed in range(2):
            for model in ("lstm", "gru"):
                store(
                    model=model, seed=seed, examples=20, score=0.5 + 0.1 * seed,
                    config={"claims": [claim], "question": "Which?"}, settings={"act": "relu"},
                )  # fmt: skip
        store(model="rnn", status="failed", error=RunError(type="E", message="m", traceback="t"))
        for path in (tmp_path / "outputs").rglob("record.json"):
            _poison(path, attack)
        broken = tmp_path / "outputs" / re.sub(r"[/\n]", "", f"broken{attack}")
        broken.mkdir()
        (broken / "record.json").write_text("{" + attack)
        return write_report(tmp_path / "outputs", tmp_path / "report", question=f"Q{attack}?")

    return make


def _poison(path: Path, attack: str) -> None:
    plain = json.loads(path.read_text())
    sample = Samples(
        temperature=1.0, prompts=["p"], texts=["t"], tokens=9, distinct_1=0.5, distinct_2=0.5,
        distinct_3=0.5, repetition=0.1, entropy=1.0, perplexity=3.0,
    )  # fmt: skip
    plain["scores"]["samples"] = [to_plain(sample)]
    plain = poisoned(plain, attack)
    plain["study"] = plain["study"].replace("\n", " ").replace("/", " ")
    plain["run_id"] = plain["run_id"].replace("\n", " ").replace("/", " ")
    # The names by which it is grouped must agree with the claim's, which is poisoned as well.
    path.write_text(json.dumps(plain))
    predictions = path.with_name("predictions.parquet")
    if predictions.exists():
        table = pq.read_table(predictions)
        place = table.column_names.index("text")
        texts = pa.array([f"text {row} {attack}" for row in range(len(table))], pa.string())
        pq.write_table(table.set_column(place, "text", texts), predictions)


def test_no_text_becomes_markup(
    report: Callable[[str], Report], store: Any, tmp_path: Path
) -> None:
    harmless = tags(report(" harmless").html.read_text())
    shutil.rmtree(tmp_path / "outputs")
    made = report(MARKUP)
    page = made.html.read_text()
    attacked = tags(page)
    assert attacked.found == harmless.found  # the same page, tag by tag and attribute by attribute
    text = " ".join(attacked.text)
    for where in ("Q", "one wins", "m", "t", r"text \d+ ", "torch", "lstm"):
        assert re.search(where + re.escape(MARKUP), text), where
    assert "architectures" + MARKUP.replace("/", " ") in text
    # No template is rendered twice: what follows the attack's ampersand is as it was.
    assert set(re.findall(r"amp;amp;(.{12})", page)) == {"{{7*7}}{%x%}"}


def test_in_markdown_neither(report: Callable[[str], Report]) -> None:
    markdown = report(MARKUP).markdown.read_text()
    outside_code = re.sub(r"`+[^`]*`+", "", markdown)
    assert "alert(1)" in markdown
    assert not re.search(r"(?<!\\)<(script|img|b)\b", outside_code)


def test_nor_a_command_of_latex(report: Callable[[str], Report]) -> None:
    latex = report(LATEX).latex.read_text()
    assert r"\textbackslash{}input\{/etc/passwd\}" in latex
    assert r"\input" not in latex.replace(r"\textbackslash{}input", "")
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") > 0
    body = latex.partition("\n")[2]
    for special in "&%$#_{}~^":
        bare = re.sub(r"\\[a-zA-Z]+(\{\})?|\\.", "", body)
        own = {"&", "$", "{", "}", "~", "_"}  # of tables and formulas of ours
        assert special in own or special not in bare, special
    for line in body.splitlines():
        assert not line.strip().startswith("input"), line
