"""Matrices: which positions each layer reads from, attention maps and Hyena's effective matrices side by side."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.study.sections import Positive, Section

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.analyses._trained import Trained

TITLE = "Which positions a layer reads"


class Settings(Section):
    """Which matrices are kept."""

    prompts: Positive = Field(1, description="prompts whose matrices are kept: the longest of 64")


COLUMNS = {
    "prompt": int,
    "text": str,  # of the prompt
    "layer": int,  # counted from 1
    "mixer": str,
    "group": int,  # of channels (head), counted from 1
    "to": int,  # the position that reads, counted from 0
    "source": int,  # the position that is read
    "to_token": str,
    "source_token": str,
    "share": float,  # of what is gathered at `to`
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per prompt, layer, group and pair of positions of which one may read the other."""
    import numpy as np
    import pandas as pd

    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._retrieval import influences

    asking = pairs(cell, "query", 64) or pairs(cell, "global", 64)
    frames = []
    if asking is not None:
        longest = np.argsort(-asking.last.cpu().numpy(), kind="stable")[: settings.prompts]
        for number, row in enumerate(longest):
            ids = asking.clean[row, : int(asking.last[row]) + 1]
            words = np.array([cell.tokenizer.id_to_token(token) for token in ids.tolist()])
            matrices = zip(cell.facts["mixers"], influences(cell.model, ids[None]), strict=True)
            for layer, (mixer, matrix) in enumerate(matrices):
                share = matrix[0].cpu().double().numpy()  # (G, L, L)
                group, to, source = np.nonzero(np.tril(np.ones(share.shape, bool)))
                frame = {"prompt": number, "text": asking.prompts[row][0].text.strip(), "layer": layer + 1}
                frame |= {"mixer": mixer, "group": group + 1, "to": to, "source": source}
                frame |= {"to_token": words[to], "source_token": words[source], "share": share[group, to, source]}
                frames.append(pd.DataFrame(frame))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
