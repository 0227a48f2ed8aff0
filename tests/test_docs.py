"""The documentation: built without a warning, every link of it leads somewhere, and its generated pages are current."""

import re
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from conftest import RECALL, ROOT, study_data
from lolameme.base.files import read_frame
from lolameme.statistics.verdicts import ORDER
from lolameme.study import config, document, reference

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def built(folder, out) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", ROOT / "docs", folder, out]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_is_built_and_no_link_leads_nowhere(tmp_path):
    done = built(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    front = (tmp_path / "README.html").read_text()
    for page in PAGES:
        if page.name == "README.md":  # the page itself
            continue
        assert f"{page.relative_to(ROOT).with_suffix('.html')}" in front


@pytest.mark.slow
def test_links_that_lead_nowhere_stop_the_build(tmp_path):
    source, nowhere = tmp_path / "source", ["docs/nothing.md", "docs/tutorial.md#no-heading", "nothing.yaml"]
    for page in PAGES:
        (source / page.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        (source / page.relative_to(ROOT)).write_text("# A page\n\nText.\n")
    (source / "README.md").write_text("# A page\n\n" + "".join(f"[text]({link})\n" for link in nowhere))
    done = built(source, tmp_path / "out")
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if "myst.xref_missing" in line]
    assert len(said) == len(nowhere), done.stderr


def test_the_configuration_reference_is_up_to_date():
    page = (ROOT / "docs/configuration.md").read_text()
    assert page == reference.markdown(), "run `lolameme reference > docs/configuration.md`"


def test_the_reference_says_what_every_key_means():
    rows = [line.strip("| ").split(" | ") for line in reference.markdown().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert not [row for row in rows if not row[1] or not row[-1].strip()]


@pytest.mark.parametrize("path", reference.EXAMPLES)
def test_examples_of_the_reference_can_be_read(path):
    base = study_data(variants={"recall": RECALL})
    base["architectures"] = ["gpt2", "thex-1", "thex-2"]
    given = yaml.safe_load(reference.EXAMPLES[path])
    made = base | {key: value if key != "model" else base["model"] | value for key, value in given.items()}
    assert config.parse(made)


def test_units_are_those_of_keys_that_exist():
    page = reference.markdown()
    for place in reference.UNITS:
        assert re.search(rf"^\| `{place.rpartition('.')[2]}` \|", page, re.M), place


def test_the_study_of_the_tutorial_is_valid():
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/tutorial.md").read_text(), re.S)
    study = config.parse(yaml.safe_load(text))
    assert study.study == "kiki"


def test_the_catalogues_can_read_what_is_said_of_the_project():
    citation = document.read(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    catalogue = document.read(ROOT / ".snakemake-workflow-catalog.yml")
    assert set(catalogue["usage"]) == {"mandatory-flags", "software-stack-deployment", "report"}


STACKS = {
    "GPT-2": "gpt2", "Hyena": "hyena", "Hyena without its long convolution": "short-gate",
    "T HEX-1": "thex-1", "T HEX-2": "thex-2", "T HEX-3": "thex-3", "T HEX-4": "thex-4", "T HEX-5": "thex-5",
    "T HEX-6": "thex-6", "attention with a short convolution": "short-attention",
    "T HEX-2 without long convolutions": "short-gate.attention.short-gate.short-gate",
    "T HEX-2 with five taps": "thex-2@5",
}  # fmt: skip


@pytest.mark.parametrize(
    ("page", "study", "begins", "columns", "decided"),
    [
        (
            "README.md",
            "cpu",
            "| exact match (cells that lock in) |",
            {
                1: ("in_context", "test"), 2: ("in_context_far", "test"), 3: ("many", "test"), 4: ("aliases", "test"),
                5: ("expressions", "test"),
            },
            {("same order", 0.024): 4},
        ),
        (
            "docs/findings.md",
            "claims",
            "| claims: exact match (cells that lock in) |",
            {
                1: ("multi_language", "test"), 2: ("lola_alone", "test"), 3: ("meme_alone", "test"),
                4: ("memorize-300", "test"), 5: ("memorize-1000", "test"), 6: ("memorize-3000", "test"),
                7: ("few_programs", "test"), 8: ("listops", "test"), 9: ("mqar", "test"),
            },
            {("same order", 0.011): 2, ("same order", 0.0): 1, ("other order", 0.011): 1},
        ),
        (
            "docs/findings.md",
            "recall",
            "| recall: exact match (cells that lock in) |",
            {1: ("length_64", "test"), 3: ("length_128", "test")},
            {("same order", 0.016): 1},
        ),
        (
            "docs/findings.md",
            "rates",
            "| rates: exact match (cells that lock in) |",
            {
                1 + place + 5 * (words == 128): (f"length_{words}_at_{rate}", "test")
                for words in (64, 128)
                for place, rate in enumerate(["1e-4", "5e-4", "2e-3", "1e-2", "5e-2"])
            },
            {("same order", 0.029): 1},
        ),
        (
            "docs/findings.md",
            "quick",
            "| exact match (cells that lock in) |",
            {
                1: ("in_context", "test"), 2: ("in_context", "longer"), 4: ("in_context_far", "test"),
                6: ("two_languages", "test"), 7: ("two_languages", "transfer"),
            },
            {("same order", 0.048): 3},
        ),
    ],
)  # fmt: skip
def test_the_table_of_a_study_is_what_was_published(page, study, begins, columns, decided):
    text = (ROOT / page).read_text()
    table = text[text.index(f"\n{begins}") + 1 :].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    tables = ROOT / "published" / study / "tables"
    found = read_frame(tables / "leaderboard.parquet").set_index(["architecture", "variant", "split"])
    *stacks, floors = rows
    shown = {(STACKS[row[0]], *task): row[place] for row in stacks for place, task in columns.items() if row[place]}
    assert set(shown) == {key for key in found.index if key[1:] in columns.values()}
    for key, said in shown.items():
        exact, _, locked = said.partition(" ")
        assert exact == f"{found['exact_match'][key]:.2f}", key
        assert locked in ("", f"({found['locked'][key]}/{found['seeds'][key]})"), key
    for place, (variant, split) in columns.items():
        assert floors[place] in ("", f"{found.xs((variant, split), level=(1, 2))['floor'].iloc[0]:.2f}")
    contrasts = read_frame(tables / "contrasts.parquet")
    ordered = contrasts[contrasts["verdict"].isin(ORDER)]
    assert Counter(zip(ordered["verdict"], ordered["p_corrected"].round(3), strict=True)) == decided
