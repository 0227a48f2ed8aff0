"""Data of small variants, and cells with the random weights that they start from, for analyses to look into."""

import pytest

from lolameme.study.config import parse

OPERATORS = [["add", "sub"], ["max", "table"]]  # each acts by the type of its left operand
VARIANTS = {
    "locals": {
        "about": "recall of locals",
        "world": {"modulus": 10, "stems": 4, "heads": 4},
        "program": {"assignments": [2, 4], "queries": [1, 3], "languages": {"lola": 1, "meme": 1}},
        "sizes": {"train": 50, "valid": 10, "test": 200},
    },
    "mixed": {
        "about": "expressions over globals and locals, types included",
        "world": {"modulus": 10, "stems": 6, "heads": 6, "types": 2, "globals": 24, "operators": OPERATORS},
        "program": {
            "assignments": [2, 4],
            "queries": [1, 3],
            "operands": [1, 2],
            "global_share": 0.6,
            "rebinding": 0.3,
        },
        "sizes": {"train": 50, "valid": 10, "test": 300},
    },
    "far": {
        "about": "names of several tokens, in a third language, statements in any order",
        "tokenizer": {"kind": "piece"},
        "world": {"modulus": 100, "stems": 4, "heads": 4},
        "program": {"assignments": [2, 4], "queries": [1, 2], "interleave": True, "languages": {"kiki": 1}},
        "sizes": {"train": 50, "valid": 10, "test": 200},
    },
    "pairs": {
        "about": "public recall",
        "task": "mqar",
        "world": {"keys": 16, "values": 16, "fillers": 8},
        "program": {"pairs": [2, 4], "length": 24},
        "sizes": {"train": 50, "valid": 10, "test": 200},
    },
    "hops": {
        "about": "ways through graphs, several edges long",
        "task": "depo",
        "program": {"nodes": [4, 4], "hops": [1, 3], "queries": [4, 4]},
        "sizes": {"train": 50, "valid": 10, "test": 200},
    },
    "asked": {
        "about": "public recall, answers not written",
        "task": "mqar",
        "answers": "asked",
        "tokenizer": {"kind": "piece"},
        "world": {"keys": 16, "values": 16, "fillers": 1},
        "program": {"pairs": [2, 4], "length": 24},
        "sizes": {"train": 50, "valid": 10, "test": 200},
    },
    "few": {
        "about": "four names, ten values: small enough to build a stack for it by hand",
        "world": {"modulus": 10, "stems": 2, "heads": 2},
        "program": {"assignments": [2, 4], "queries": [1, 2]},
        "sizes": {"train": 50, "valid": 10, "test": 200},
    },
    "lists": {"about": "nothing to bind", "task": "listops", "sizes": {"train": 50, "valid": 10, "test": 40}},
}


@pytest.fixture(scope="session")
def small():
    """A study of one variant per kind of thing that analyses ask for."""
    from conftest import study_data

    return parse(study_data(variants=VARIANTS))


@pytest.fixture(scope="session")
def folders(small, tmp_path_factory):
    """The folders of the data of all variants."""
    from lolameme.data.dataset import Builder

    root = tmp_path_factory.mktemp("data")
    for variant in small.variants:
        Builder(small, variant).write(root / variant)
    return {variant: root / variant for variant in small.variants}


@pytest.fixture(scope="session")
def untrained(small, folders):
    """A function: the cell of a variant and an architecture before its training, and how it was made."""
    from lolameme.analyses._trained import Trained
    from lolameme.base.files import read_json
    from lolameme.learning.device import Device
    from lolameme.models import stack
    from lolameme.study.cell import Cell

    def cell(variant: str, architecture: str = "thex-2") -> Trained:
        dataset = read_json(folders[variant] / "dataset.json")
        model = stack.build(architecture, small.model, dataset["vocabulary"], seed=1).eval()
        facts = {
            "architecture": architecture,
            "mixers": stack.pattern(architecture, small.model.layers),
            "model": small.model.model_dump(),
            "vocabulary": dataset["vocabulary"],
            "training": small.training_of(variant, architecture).model_dump(),
        }
        return Trained(Cell(variant, architecture, 1), model, facts, folders[variant], Device.choose("cpu", "float32"))

    return cell
