"""Probes: what a linear reader finds in the residual stream, and whether that is more than a control task finds."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.study.sections import Positive, Section

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.analyses._trained import Trained

TITLE = "What a linear reader finds"
ABOUT = {  # what is probed for, and at which tokens
    "name bound": "value",
    "name asked": "answer sign",
    "value": "answer sign",
    "language": "answer sign",
    "type": "answer sign",
}
PROGRAMS, NAMES = "programs", "names"
TRAINED, RANDOM = "trained", "random"


class Settings(Section):
    """How probes are fitted."""

    prompts: Positive = Field(256, description="prompts, half of them to fit on")


COLUMNS = {
    "about": str,  # what is probed for
    "role": str,  # of the tokens where it is looked for
    "layer": int,  # after so many layers; 0: the embedding
    "held_out": str,  # what the test examples do not share with those fitted: programs, or names, too
    "weights": str,  # trained; random: the same stack before training, the floor
    "examples": int,  # tested
    "classes": int,
    "accuracy": float,
    "low": float,  # 95 % bootstrap interval over test examples
    "high": float,
    "control": float,  # accuracy on random labels of the same kinds
    "selectivity": float,  # accuracy - control
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per thing probed for, layer, held-out set and kind of weights; none where it takes a single value."""
    import numpy as np
    import pandas as pd

    from lolameme.analyses import _measures as measures
    from lolameme.analyses._activations import streams
    from lolameme.analyses._labels import labels
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._ridge import Examples, accuracies, controlled
    from lolameme.base.seeds import generator

    rows = []
    asking = pairs(cell, "query", settings.prompts) or pairs(cell, "global", settings.prompts)
    if asking is None:
        return pd.DataFrame(rows, columns=list(COLUMNS))
    found = labels(cell, asking)
    for weights, model in ((TRAINED, cell.model), (RANDOM, cell.at_the_start())):
        stream = [x.cpu().numpy() for x in streams(model, asking.clean)[1]]
        for about, known in found.items():
            for held_out, train, test in known.divisions(len(asking)):
                if len(np.unique(known.classes[train])) < 2 or not len(test):
                    continue
                for layer, x in enumerate(stream):
                    examples = Examples(x[known.program, known.place], known.classes, known.kinds)
                    control = controlled(examples, generator(0, "control labels", about))
                    (told,) = accuracies(examples[train], [examples[test]])
                    (by_chance,) = accuracies(control[train], [control[test]])
                    accuracy, low, high = measures.mean(told.astype(float))
                    row = (about, ABOUT[about], layer, held_out, weights, len(test), len(np.unique(known.classes)))
                    controlled_accuracy = float(by_chance.mean())
                    rows.append((*row, accuracy, low, high, controlled_accuracy, accuracy - controlled_accuracy))
    return pd.DataFrame(rows, columns=list(COLUMNS))
