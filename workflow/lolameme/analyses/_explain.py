"""A prompt explained, token by token: what each layer carries, where it looks, and by which route the cell recalls."""

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
import torch

from lolameme.analyses import scores
from lolameme.analyses._pairs import pair_for
from lolameme.analyses._patching import Runs
from lolameme.analyses._prompts import tokenise
from lolameme.analyses._retrieval import influences
from lolameme.analyses._trained import Trained
from lolameme.learning.ask import token_texts
from lolameme.study.architectures import label
from lolameme.tasks.interpreter import ProgramError

RESOURCES = ["explain.html"]
WIDTH = 80  # columns of a terminal
_DIFFERS = {  # in what the partner differs
    "names": "two assignments exchange their names",
    "query": "the query asks for another name",
    "value": "two assignments exchange their values; in a list, a digit is another one",
    "rebinding": "every assignment assigns what the next one did",
    "global": "the query asks for another global",
    "operator": "another operator",
    "type": "another global of the same value and another type",
    "language": "two assignments exchange their names, in another language",
}
_MOST = 3  # tokens named that a layer looks at


@dataclass(frozen=True)
class Look:
    """Where a layer looks from the last token: the tokens it gathers most from, with their shares."""

    layer: int
    mixer: str
    group: int  # of channels (head) with the most at one place, counted from 1
    read: list[tuple[int, str, float]]  # place, token, share


@dataclass(frozen=True)
class Explanation:
    """What was found out about one prompt of a cell."""

    cell: str
    tokens: list[str]  # as they are written
    answer: str  # the first token of it, by the interpreter
    answered: str  # the likeliest token
    probability: float
    differs: str  # in what the partner differs; empty if the prompt can form no pair
    partner: str
    partner_answer: str
    told_apart: float  # logits between the two prompts
    effects: np.ndarray  # (layers + 1, L) effect of patching each token after each layer; NaN where undefined
    looks: list[Look]
    verdict: str
    answers: int  # the layer that answers, 0 where none does


def explain(folder: Path, prompt: str) -> Explanation:
    """Explain how the cell trained in `folder` continues `prompt`, which must end where an answer is due.

    Raises ValueError, in a sentence for the user, if there is no such cell, the prompt is no program of its world, or
    nothing could be exchanged in it for another answer.
    """
    cell = Trained.at(folder.parent if folder.is_file() else folder)
    if not cell.interpreter.asks(prompt):
        raise ProgramError(f"{prompt!r} asks for nothing at its end; end it with a query and its answer sign")
    asking = pair_for(cell, prompt.rstrip() + " ")
    if asking is None:
        raise ProgramError(
            f"{prompt!r}: nothing in it can be exchanged so that another answer of as many tokens is right"
        )
    clean, partner = asking.prompts[0]
    words = tokenise([clean], cell.tokenizer)[0].written(clean.text)
    runs = Runs(cell.model, asking)
    runs.masks = {str(place): mask[None] for place, mask in enumerate(torch.eye(len(words), dtype=torch.bool))}
    layers = range(len(cell.model.blocks) + 1)
    effects = [[found.value for found in runs.patch("corrupt", layer, runs.masks).values()] for layer in layers]
    with torch.inference_mode():
        chances = cell.model(asking.clean[:, : len(words)])[0, -1].softmax(-1)
    row = scores.measure(cell, scores.Settings()).iloc[0]
    told = token_texts([int(asking.right), int(chances.argmax()), int(asking.other)], cell.tokenizer)
    return Explanation(
        cell=str(cell.cell),
        tokens=words,
        answer=told[0],
        answered=told[1],
        probability=float(chances.max()),
        differs=_DIFFERS[asking.kind],
        partner=partner.text.strip(),
        partner_answer=told[2],
        told_apart=runs.told_apart,
        effects=np.array(effects) if runs.defined else np.full((len(layers), len(words)), math.nan),
        looks=_looks(cell, asking.clean[:, : len(words)], words),
        verdict=row["verdict"],
        answers=int(row["answers"]),
    )


def _looks(cell: Trained, tokens: torch.Tensor, words: list[str]) -> list[Look]:
    found = []
    for layer, (mixer, matrix) in enumerate(zip(cell.facts["mixers"], influences(cell.model, tokens), strict=True)):
        shares = matrix[0, :, -1].cpu().numpy()  # (G, L)
        group = int(shares.max(1).argmax())
        places = np.argsort(-shares[group], kind="stable")[:_MOST]
        read = [(int(place), words[place], float(shares[group, place])) for place in places]
        found.append(Look(layer + 1, mixer, group + 1, read))
    return found


def text(found: Explanation) -> str:
    """The explanation for a terminal, in 80 columns."""
    lines = [found.cell, f"verdict of the cell: {found.verdict}{_layer(found)}", ""]
    lines += [f"answers {found.answered.strip()} (probability {found.probability:.3f}); right: {found.answer.strip()}"]
    lines += textwrap.wrap(
        f"partner: {found.differs}; right there: {found.partner_answer.strip()}", WIDTH, subsequent_indent="  "
    )
    lines += textwrap.wrap(found.partner, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    lines += ["", "How far the answer follows when a token's stream is the partner's, after layer:"]
    shown = _layers_shown(len(found.effects))
    if len(shown) < len(found.effects):
        lines.append(f"(every layer that fits into {WIDTH} columns)")
    lines.append(f"{'':20}" + "".join(f"{layer:5d}" for layer in shown))
    for place, word in enumerate(found.tokens):
        numbers = "".join(f"{_number(found.effects[layer, place]):>5}" for layer in shown)
        lines.append(f"{place:3d} {word.strip()[:15]:15} {numbers}".rstrip())
    if np.isnan(found.effects).all():
        lines.append(f"The two prompts are {found.told_apart:.2f} logits apart: too few for an effect to be defined.")
    lines += ["", "Where each layer looks from the last token (place, token, share):"]
    for look in found.looks:
        read = ", ".join(f"{place} {word.strip()} {share:.2f}" for place, word, share in look.read)
        lines.append(f"{look.layer:3d} {look.mixer[:16]:16} {read}"[:WIDTH].rstrip())
    return "\n".join(lines)


def _layer(found: Explanation) -> str:
    return f" (layer {found.answers} answers)" if found.answers else ""


def _layers_shown(count: int) -> list[int]:
    """As many layers as fit beside the tokens, evenly spread, first and last among them."""
    most = (WIDTH - 20) // 5
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def _number(value: float) -> str:
    """An effect in four characters; nothing where it rounds to 0 or is undefined."""
    return "" if math.isnan(value) or abs(value) < 0.05 else f"{value:.1f}"


def page(found: Explanation) -> str:
    """The explanation as a page that needs nothing else."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lolameme.analyses", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    cell, variant = found.cell, found.cell.split("/")
    title = f"{variant[0]}, {label(variant[1])}, {variant[2]}"
    return environment.get_template("explain.html").render(found=found, title=title, cell=cell, layer=_layer(found))
