"""Small worlds, languages and studies that the tests share."""

import copy
from pathlib import Path

import pytest

from lolameme.study import config

pytest_plugins = ["cells", "database", "finished"]
ROOT = Path(__file__).parent.parent
LANGUAGES = {
    "lola": {"casing": "camel", "order": "infix", "assign": "=", "answer": "->", "end": ";", "operators": ["+", "*"]},
    "meme": {"casing": "snake", "order": "prefix", "assign": ":=", "answer": "=>", "end": "|", "operators": ["#", "@"]},
    "kiki": {
        "casing": "kebab",
        "order": "prefix",
        "assign": "<-",
        "answer": "?",
        "end": ".",
        "operators": ["-", "/"],
        "lexicon": "distinct",
        "synonyms": 2,
    },
}
EVERYTHING = {
    "about": "all settings at once",
    "world": {
        "modulus": 12,
        "stems": 8,
        "heads": 5,
        "types": 2,
        "irregular": 0.1,
        "globals": 16,
        "operators": [["add", "sub"], ["max", "table"]],
    },
    "program": {
        "assignments": [1, 5],
        "queries": [1, 3],
        "operands": [1, 3],
        "global_share": 0.3,
        "rebinding": 0.3,
        "computed": 0.4,
        "chain_depth": 2,
        "shadowing": 0.3,
        "literals": 0.2,
        "noise": [0, 2],
        "interleave": True,
        "mix": "code_switch",
        "languages": {"lola": 1, "meme": 1, "kiki": 1},
    },
    "sizes": {"train": 400, "valid": 60, "test": 60},
    "splits": {"longer": {"assignments": [6, 9]}, "transfer": {"ask": "untaught", "global_share": 1, "mix": "single"}},
    "taught_in": {"both": 1, "lola": 1, "meme": 1, "kiki": 1},
}
RECALL = {
    "about": "recall of locals",
    "world": {"modulus": 10, "stems": 4, "heads": 4},
    "program": {"assignments": [2, 4], "queries": [2, 3]},
    "sizes": {"train": 200, "valid": 20, "test": 30},
}
FACTS = {
    "about": "recall of globals",
    "world": {"modulus": 100, "stems": 6, "heads": 6, "globals": 20},
    "program": {"global_share": 1, "languages": {"kiki": 1}},  # a third language, declared in data alone
    "holdout": False,
    "sizes": {"train": 20},
}
NEAR = {
    "about": "names of one token",
    "world": {"modulus": 10, "stems": 2, "heads": 4},
    "program": {"assignments": [2, 4], "queries": [8, 8]},
    "sizes": {"train": 2000},
}
FAR = NEAR | {
    "about": "names of three tokens",
    "world": {"modulus": 10, "stems": 8, "heads": 2},
    "tokenizer": {"kind": "piece"},
}


def study_data(**changes) -> dict:
    """A miniature study as plain data: two variants, three stacks, seconds to run."""
    return copy.deepcopy(
        {
            "study": "mini",
            "seeds": [1, 2],
            "languages": LANGUAGES,
            "architectures": ["gpt2", "hyena", "thex-2"],
            "model": {"layers": 2, "d_model": 16, "heads": 2, "hyena": {"filter_width": 8, "filter_features": 5}},
            "training": {"steps": 8, "batch": 16, "learning_rate": 5e-3, "evaluate_every": 4},
            "tuning": {"learning_rate": [0.25, 0.5, 1, 2]},
            "variants": {"recall": RECALL, "facts": FACTS},
        }
        | changes
    )


def study(**changes) -> config.Study:
    return config.parse(study_data(**changes))


@pytest.fixture
def everything() -> config.Study:
    """A study with one variant that uses every setting of the languages."""
    return study(variants={"everything": EVERYTHING})
