"""Two pictures that explain the study: from world to task, drawn from a real variant, and the stacks compared."""

import itertools
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from lolameme.base.files import read_frame, read_json
from lolameme.drawing.style import FAMILY, INK, QUIET, colours
from lolameme.study import architectures
from lolameme.study.architectures import label, pattern
from lolameme.study.config import Study
from lolameme.study.exhibits import Figure
from lolameme.tasks.interpreter import Interpreter, interpreter

_MIXER_COLOUR = {mixer: FAMILY[name] for name, mixer in architectures.PURE.items()}


def illustrated(study: Study) -> str | None:
    """The variant that shows the framework: the one in the most languages, if any is."""
    languages = {n: len(v.languages) for n, v in study.variants.items() if v.languages}
    return max(languages, key=languages.__getitem__, default=None)


def framework(study: Study) -> Drawing:
    """World -> languages -> programs -> tasks, with the roots, names and programs of one of the study's variants."""
    variant = illustrated(study)
    data, tests = study.paths.data(variant, study.world_seeds[0]), list(study.variants[variant].tests)
    operators = any(program.operands[1] > 1 for program in study.variants[variant].programs().values())
    world = read_json(data / "world.json")
    figure, ax = plt.subplots(figsize=(12.6, 4.0))
    ax.set(xlim=(-0.5, 100.5), ylim=(0, 33.5))
    ax.axis("off")
    boxes = [
        (0, 19, "World", "one hidden truth", world_lines(world, operators)),
        (23, 20, "Languages", "ways to write it", language_lines(world)),
        (47, 28, "Programs", f"two from {variant}, abridged", program_lines(data / "test.parquet", world)),
        (79, 21, "Tasks", "exact match of every answer", task_lines(tests)),
    ]
    for x, width, title, subtitle, lines in boxes:
        box(ax, x, width, title, subtitle, lines)
    for (x, width, *_), (after, *_) in itertools.pairwise(boxes):
        arrow = FancyArrowPatch(
            (x + width + 0.4, 17), (after - 0.4, 17), arrowstyle="-|>", mutation_scale=18, color=INK
        )
        ax.add_patch(arrow)
    return figure


def box(ax: Axes, x: float, width: float, title: str, subtitle: str, lines: list[tuple[str, str]]) -> None:
    """A titled box; each line is (kind, text), kinds being `text`, `code` and `note`."""
    style = "round,pad=0,rounding_size=1.2"
    ax.add_patch(FancyBboxPatch((x, 1), width, 32, boxstyle=style, facecolor="#f6f7f9", edgecolor="#c9ced6"))
    ax.text(x + 1.3, 30, title, fontsize=13, fontweight="bold", color=INK, va="center")
    ax.text(x + 1.3, 27.4, subtitle, fontsize=8.5, color=QUIET, va="center")
    y = 24.4
    for kind, text in lines:
        font = {"family": "monospace", "fontsize": 7.6} if kind == "code" else {"fontsize": 8.6}
        ax.text(x + 1.3, y, text, color=QUIET if kind == "note" else INK, va="top", linespacing=1.25, **font)
        y -= (1.75 if kind == "code" else 1.95) * (text.count("\n") + 1) + (0.3 if kind == "code" else 0.2)


def world_lines(world: dict[str, Any], operators: bool) -> list[tuple[str, str]]:
    facts = [(c, entry["value"]) for c, entry in enumerate(world["concepts"]) if entry["value"] is not None]
    heads = len(world["heads"])
    lines = [
        ("note", "roots of names"),
        ("code", " ".join(world["stems"][:4]) + " ..."),
        ("code", " ".join(world["heads"][:4]) + " ..."),
        ("note", f"{len(facts)} globals, fixed values"),
    ]
    for concept, value in facts[:3]:
        stem, head = divmod(concept, heads)
        lines.append(
            ("code", f"{world['stems'][stem]}+{world['heads'][head]} is {value:0{len(str(world['modulus'] - 1))}d}")
        )
    if operators:
        functions = {f for operator in world["operators"] for f in operator["functions"]}
        lines += [("note", f"operators modulo {world['modulus']}"), ("code", ", ".join(sorted(functions)))]
    return lines


def language_lines(world: dict[str, Any]) -> list[tuple[str, str]]:
    casing = {"camel": "{0}{1}", "pascal": "{0}{1}", "snake": "{0}_{1}", "kebab": "{0}-{1}"}
    lines = []
    for name, declared in list(world["languages"].items())[:3]:
        stem, head = declared["stems"][0][0], declared["heads"][0][0]
        stem = stem.capitalize() if declared["casing"] == "pascal" else stem
        head = head.capitalize() if declared["casing"] in ("camel", "pascal") else head
        written, sign = casing[declared["casing"]].format(stem, head), declared["operators"][0]
        expression = f"{written} {sign} x" if declared["order"] == "infix" else f"{sign} {written} x"
        lines += [
            ("text", {"lola": "LoLa", "meme": "MeMe"}.get(name, name)),
            ("note", f"{declared['casing']} case, {declared['order']}"),
            ("code", f"{written} {declared['assign']} 7{declared['end']}"),
            ("code", f"{expression} {declared['answer']} 9{declared['end']}"),
        ]
    return lines


def program_lines(path: Path, world: dict[str, Any]) -> list[tuple[str, str]]:
    """A short program of each language, statement by statement, with what each one does."""
    table = read_frame(path, ["text", "language"])
    table["language"] = table["language"].str[0]
    lines: list[tuple[str, str]] = []
    for name, declared in list(world["languages"].items())[:2]:
        texts = table.loc[table["language"] == name, "text"]
        if len(texts):
            lines += statement_lines(min(texts, key=len), declared, interpreter(world))
            lines.append(("note", ""))
    return lines


def statement_lines(text: str, declared: dict[str, Any], solver: Interpreter) -> list[tuple[str, str]]:
    """Up to two assignments and one query of each kind."""
    lines, read, told = [], "", set()
    statements = [f"{part.strip()}{declared['end']}" for part in text.split(declared["end"]) if part.strip()]
    for statement in statements:
        read += statement + " "
        if f" {declared['assign']} " in statement:
            role = "sets a local"
        else:
            steps = solver.answers(read)[-1].steps
            role = "recalls a global" if all("a global" in step for step in steps) else "recalls a local"
        if (role == "sets a local" and len(lines) < 2) or (role != "sets a local" and role not in told):
            lines.append(("code", f"{statement:<20} {role}"))
            told.add(role)
    return lines


def task_lines(splits: list[str]) -> list[tuple[str, str]]:
    told = {
        "test": "the same kind of program",
        "longer": "more assignments",
        "globals_only": "facts in the weights",
        "locals_only": "facts in the prompt",
        "transfer": "taught in the other language",
        "code_switch": "languages mixed",
        "lola": "LoLa alone",
        "meme": "MeMe alone",
    }
    lines: list[tuple[str, str]] = []
    for split in splits[:6]:
        lines += [("code", split)] + ([("note", told[split])] if split in told else [])
    return lines


def stacks(study: Study) -> Drawing:
    """The layers of every architecture, input at the bottom."""
    patterns = {name: pattern(name, study.model.layers) for name in study.stacks}
    names, depth = list(patterns), study.model.layers
    figure, ax = plt.subplots(figsize=(1.25 * len(names) + 1.6, 0.42 * depth + 1.3))
    palette = colours(names)
    for x, (name, mixers) in enumerate(patterns.items()):
        for layer, mixer in enumerate(mixers):
            colour = _MIXER_COLOUR[mixer]
            style = "round,pad=0,rounding_size=0.06"
            ax.add_patch(
                FancyBboxPatch(
                    (x + 0.08, layer + 0.08), 0.84, 0.84, boxstyle=style, facecolor=colour, alpha=0.85, linewidth=0
                )
            )
            if depth <= 6:
                text = mixer.capitalize().replace("-", "\n")
                ax.text(x + 0.5, layer + 0.5, text, ha="center", va="center", color="white", fontsize=8.5)
        ax.text(
            x + 0.5,
            -0.3,
            label(name).replace(", ", ",\n"),
            ha="center",
            va="top",
            fontsize=9.5,
            color=palette[name],
            fontweight="bold",
        )
    for layer in range(depth):
        ax.text(-0.1, layer + 0.5, f"layer {layer + 1}", ha="right", va="center", fontsize=8.5, color=QUIET)
    ax.set(xlim=(-0.8, len(names)), ylim=(-0.9, depth + 0.1))
    ax.axis("off")
    figure.tight_layout()
    return figure


def _pictured(study: Study) -> list[Path]:
    data = study.paths.data(illustrated(study), study.world_seeds[0])
    return [data / "world.json", data / "test.parquet"]


FIGURES = [
    Figure(
        "framework",
        (),
        framework,
        lambda study: (
            "The framework, drawn from this study's data. One hidden world is written in several languages; "
            "programs in these languages set and ask for values; what is remembered in the weights (globals) and in "
            "the prompt (locals) is tested apart."
        ),
        section="Framework",
        when=lambda study: illustrated(study) is not None,
        reads=_pictured,
    ),
    Figure(
        "stacks",
        (),
        stacks,
        lambda study: "The stacks compared. Names count layers from 1, the layer next to the input.",
        section="Framework",
        small=True,
    ),
]
