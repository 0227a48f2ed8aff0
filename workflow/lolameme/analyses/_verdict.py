"""A verdict on how a cell recalls what a program bound, by fixed rules from three scores.

Recall takes three things: carrying the name to its value, matching the name that is asked, copying the value
(arXiv 2609.15545). Two routes do so (arXiv 2505.15105 calls them induction and direct retrieval):

    bind, then look up   a layer brings the name to the value's position; a later one finds that position and reads it
    direct               one layer carries name and value to the answer sign at once; nothing is bound at the value

Scores, from pairs of programs in which two assignments exchange their names, so that no value moves:

    binding B_l     effect of patching both values after layer l
    direct D_l      effect of patching the answer sign after layer l
    retrieval R_j   how much of what layer j gathers at the answer sign comes from the value looked for, minus the mean
                    over all other values; of the best group of channels (head)

The layer that answers is the first after which the answer sign decides (D >= 1/2). What matters is what was bound at
the values just before it, and what it retrieves:

    no binding           the exchange is not noticed: the two programs are less than one logit apart
    bind, then look up   B before that layer is above 1/2 and R of that layer above 1/5, with their whole intervals
    direct               B before that layer is below 1/5, with its whole interval
    undefined            anything between, or a variant in which no names can be exchanged
"""

from dataclasses import dataclass

from lolameme.analyses._measures import UNDEFINED_BELOW, Score
from lolameme.analyses._routes import BIND, DIRECT, NOTHING, UNDEFINED

DECIDES = 0.5  # direct score from which on the answer sign decides
BOUND, UNBOUND = 0.5, 0.2  # binding score
RETRIEVED = 0.2  # retrieval score


@dataclass(frozen=True)
class Verdict:
    """The route, and the layer that answers, counted from 1; 0 where none does."""

    route: str
    layer: int


def verdict(told_apart: float, binding: list[Score], direct: list[Score], retrieval: list[Score]) -> Verdict:
    """The verdict by the rules above.

    `binding` and `direct` are after 0, 1, ... all layers, so one more than `retrieval`, which is of every layer;
    `told_apart` is in logits.
    """
    if told_apart < UNDEFINED_BELOW:
        return Verdict(NOTHING, 0)
    layer = next((layer for layer, (value, _, _) in enumerate(direct) if value >= DECIDES), 0)
    if layer == 0:  # nowhere, or in the embedding, where the answer sign cannot know of names
        return Verdict(UNDEFINED, 0)
    _, low, high = binding[layer - 1]
    if low > BOUND and retrieval[layer - 1][1] > RETRIEVED:
        return Verdict(BIND, layer)
    return Verdict(DIRECT if high < UNBOUND else UNDEFINED, layer)
