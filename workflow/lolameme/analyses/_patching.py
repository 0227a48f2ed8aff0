"""Patching: the residual stream of one prompt, put into the run of its partner at some tokens after some layer.

With LD the logit of the right answer minus that of the partner's, the effect of a patch is

    corrupt    (LD_clean - LD_patched) / (LD_clean - LD_partner)    the partner's stream put into the clean run
    restore    (LD_patched - LD_partner) / (LD_clean - LD_partner)  the clean stream put into the partner's run

0: nothing follows the patch; 1: the answer does, wholly. What corrupts is needed there, what restores is enough there
(Heimersheim & Nanda 2024, arXiv 2404.15255). It is a ratio of means over prompts, with its bootstrap interval; beside
it stands the share of prompts that are answered as the patch's source would be (interchange, Geiger et al. 2021, arXiv
2106.02997). Layers repair what is taken from others, so effects are lower bounds.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lolameme.analyses import _measures as measures
from lolameme.analyses._activations import resumed, streams
from lolameme.analyses._pairs import Pairs
from lolameme.models.stack import Stack

DIRECTIONS = ("corrupt", "restore")


@dataclass(frozen=True)
class Effect:
    """What a patch does, over prompts."""

    value: float
    low: float
    high: float
    interchange: float
    norms: float  # mean norm of what was put there, by that of what stood there


class Runs:
    """The two runs of all pairs of a kind, ready to be patched into each other."""

    def __init__(self, model: Stack, pairs: Pairs):
        self.model, self.pairs = model, pairs
        length = int(pairs.last.max()) + 1  # answers are not read
        self.masks = {role: mask[:, :length] for role, mask in pairs.roles.items()}
        self.read = pairs.read[:, :length]
        (clean, self.clean), (partner, self.partner) = (
            streams(model, tokens[:, :length]) for tokens in (pairs.clean, pairs.partner)
        )
        self.difference_clean, self.difference_partner = (
            measures.differences(model, hidden, pairs) for hidden in (clean, partner)
        )
        self.right = measures.choices(model, clean, pairs) == pairs.right.cpu().numpy()  # (B,) bool
        self.told_apart = float((self.difference_clean - self.difference_partner).mean())  # logits

    @property
    def defined(self) -> bool:
        """Whether the model tells the two prompts apart: else there is nothing that could follow a patch."""
        return self.told_apart >= measures.UNDEFINED_BELOW

    @torch.inference_mode()
    def patch(self, direction: str, layer: int, roles: Iterable[str], matched: bool = True) -> dict[str, Effect]:
        """The effect of patching each role's tokens after `layer` layers; `matched`: at the norm of what stood there.

        Roles are patched side by side, in one pass through the layers above.
        """
        roles = [role for role in roles if role in self.masks]
        base, donor = (self.clean[layer], self.partner[layer])[:: 1 if direction == "corrupt" else -1]  # (B, L, D)
        ratio = donor.norm(dim=-1, keepdim=True) / base.norm(dim=-1, keepdim=True)  # (B, L, 1)
        put = donor / ratio if matched else donor
        where = torch.stack([self.masks[role] for role in roles])  # (R, B, L)
        patched = torch.where(where[..., None], put, base).flatten(0, 1)  # (R B, L, D)
        hidden = resumed(self.model, patched, layer, self.read.repeat(len(roles), 1)).unflatten(0, (len(roles), -1))
        norms = ratio[..., 0]  # (B, L)
        parts = zip(roles, hidden, where, strict=True)
        return {role: self._effect(direction, one, norms[mask]) for role, one, mask in parts}

    def _effect(self, direction: str, hidden: Tensor, norms: Tensor) -> Effect:
        followed = measures.differences(self.model, hidden, self.pairs)
        moved = self.difference_clean - followed if direction == "corrupt" else followed - self.difference_partner
        told = self.pairs.other if direction == "corrupt" else self.pairs.right
        effect = measures.ratio(moved, self.difference_clean - self.difference_partner)
        same = measures.choices(self.model, hidden, self.pairs) == told.cpu().numpy()
        return Effect(*effect, float(np.mean(same)), float(norms.mean()))
