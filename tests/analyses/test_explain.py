"""`lolameme explain` says of a prompt what each layer carries, where it looks, and by which route the cell recalls."""

import shutil
import sys
from html.parser import HTMLParser

import numpy as np
import oracles
import pytest

from lolameme import cli
from lolameme.analyses import _explain as explaining
from lolameme.analyses._pairs import pairs
from lolameme.analyses._prompts import Tokens
from lolameme.base import tensors
from lolameme.base.files import write_json
from lolameme.tasks.interpreter import ProgramError

pytestmark = pytest.mark.slow


def saved(cell, data, root):
    """The cell as files, where a study has them."""
    folder = root / "cells" / cell.cell.variant / cell.facts["architecture"] / "seed1"
    tensors.save(folder / "model.safetensors", cell.model.state_dict())
    identity = {"variant": cell.cell.variant, "seed": 1, "world": 1}
    write_json(folder / "model.json", cell.facts | identity)
    shutil.copytree(data, root / "data" / cell.cell.variant / "world1")
    return folder


@pytest.fixture(scope="module")
def oracle(untrained, folders, tmp_path_factory):
    return saved(oracles.binds_then_looks_up(untrained("few")), folders["few"], tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def prompt(untrained):
    """The longest of some prompts."""
    return max((clean.text for clean, _ in pairs(untrained("few"), "names", 32).prompts), key=len)


def test_a_lookup_is_seen_token_by_token(oracle, prompt):
    found = explaining.explain(oracle, prompt)
    assert found.answered == found.answer
    assert (found.verdict, found.answers) == ("bind, then look up", 2)
    name, value = (found.effects[layer].argmax() for layer in (0, 1))
    assert value - name == 2  # what is at the name in the embedding is two tokens on after layer 1
    assert found.effects[2].argmax() == len(found.tokens) - 1
    place, token, share = found.looks[1].read[0]
    assert (token, share > 0.9) == (found.answer, True)
    assert found.tokens[place - 2].strip() == prompt.split()[-2]
    assert "".join(found.tokens) == prompt


def test_a_capital_is_shown_as_it_is_written_whatever_tokens_it_has():
    """` to`, a sign for a capital, and `sen`, whose first letter is that capital."""
    tokens = Tokens(np.zeros(5, int), 4, np.array([(0, 2), (2, 3), (2, 5), (5, 9), (9, 10)]))
    assert tokens.written("toSen -> 7") == ["to", "S", "en", " -> "]


def test_it_fits_a_terminal(oracle, prompt):
    lines = explaining.text(explaining.explain(oracle, prompt)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "verdict of the cell: bind, then look up (layer 2 answers)" in lines


def test_a_deep_stack_fits_too(oracle, prompt):
    found = explaining.explain(oracle, prompt)
    deep = explaining.Explanation(**{**vars(found), "effects": np.repeat(found.effects, 17, axis=0)})
    lines = explaining.text(deep).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:1] == ["0"] and line.split()[-1] == "50" for line in lines)


def test_the_page_shows_every_token_and_layer(oracle, prompt, tmp_path, monkeypatch, capsys):
    page = tmp_path / "explained.html"
    monkeypatch.setattr(sys, "argv", ["lolameme", "explain", str(oracle), prompt, "--html", str(page)])
    cli.main()
    assert "Where each layer looks" in capsys.readouterr().out
    cells: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag == "td":
                cells.append("")

        def handle_data(self, data):
            if cells:
                cells[-1] += data.strip()

    Reader().feed(page.read_text())
    found = explaining.explain(oracle, prompt)
    table = np.array(cells[: len(found.tokens) * 4]).reshape(-1, 4)
    assert list(table[:, 0]) == [token.strip() for token in found.tokens]
    assert table[-1, 3].startswith("1.00")


def test_effects_are_undefined_where_the_partner_is_not_noticed(untrained, folders, tmp_path):
    cell = untrained("pairs", "gpt2")
    folder = saved(cell, folders["pairs"], tmp_path)
    asked = pairs(cell, "names", 16).prompts[0][0].text
    found = explaining.explain(folder, asked)
    assert np.isnan(found.effects).all()
    assert "logits apart: too few for an effect to be defined" in explaining.text(found)


def test_mistakes_are_named(oracle, tmp_path):
    with pytest.raises(ValueError, match="holds no trained cell"):
        explaining.explain(tmp_path, "a = 1; a -> ")
    with pytest.raises(ProgramError, match="asks for nothing at its end"):
        explaining.explain(oracle, "a = 1;")


def test_a_prompt_with_nothing_to_exchange_is_refused(oracle, untrained):
    name = untrained("few").world["languages"]["lola"]
    word = name["stems"][0][0] + name["heads"][0][0].title()
    with pytest.raises(ProgramError, match="nothing in it can be exchanged"):
        explaining.explain(oracle, f"{word} = 1; {word} -> ")
