"""Exact match from one teacher-forced forward pass.

Greedy decoding of an answer equals teacher forcing as long as every token so far was the argmax: at the first token
that is not, both have failed. So an answer, end sign included, is decoded exactly if and only if each of its tokens is
the argmax given the true ones before it. One forward pass over whole programs therefore scores all their queries;
tests hold this against token-by-token decoding.
"""

from dataclasses import dataclass

import numpy as np
import torch

from lolameme.learning.batches import Batch, Split
from lolameme.learning.device import Device
from lolameme.models.mixer import Layout
from lolameme.models.stack import Stack


@dataclass(frozen=True)
class Scores:
    """Scores of every query of a split, in order (P programs, Q queries)."""

    correct: np.ndarray  # (Q,) bool: exact match
    token_accuracy: np.ndarray  # (Q,) share of the answer's tokens, end sign included, that are the argmax
    loss: np.ndarray  # (Q,) nats per answer token
    predicted: np.ndarray  # (answer tokens,) argmax tokens, answer after answer
    offsets: np.ndarray  # (Q + 1,) where each answer's tokens start in `predicted`
    other_loss: float  # nats per token outside answers; NaN unless asked for


@torch.inference_mode()
def score(model: Stack, split: Split, device: Device, batch: int = 256, others: bool = False) -> Scores:
    """Score all queries of a split; `others` looks at the tokens outside answers too, which costs a larger head."""
    model.eval()
    lengths = split.stop - split.begin  # (Q,)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    first_query = np.concatenate([[0], np.cumsum(split.queries)])
    predicted = np.zeros(offsets[-1], np.uint16)
    target, loss = np.zeros(offsets[-1], np.uint16), np.zeros(offsets[-1])
    other_sum, other_count = 0.0, 0
    for programs in split.in_order(batch):
        data = split.batch(programs, all_tokens=others)
        logits, losses = device.losses(model, data)
        guess, lost = logits.argmax(-1).cpu().numpy(), losses.double().cpu().numpy()
        answers = data.answers.numpy()
        other_sum, other_count = other_sum + lost[~answers].sum(), other_count + int((~answers).sum())
        # predictions come program by program, left to right: exactly the order of the queries' tokens
        place = offsets[first_query[programs]], offsets[first_query[programs + 1]]
        index = np.concatenate([np.arange(a, b) for a, b in zip(*place, strict=True)])
        predicted[index], target[index], loss[index] = guess[answers], data.targets.numpy()[answers], lost[answers]
    model.train()
    hit = predicted == target
    share = np.add.reduceat(hit, offsets[:-1], dtype=np.int64) / lengths
    mean_loss = np.add.reduceat(loss, offsets[:-1]) / lengths
    return Scores(share == 1, share, mean_loss, predicted, offsets, other_sum / other_count if other_count else np.nan)


@torch.inference_mode()
def written(model: Stack, split: Split, scores: Scores, device: Device, batch: int = 256) -> np.ndarray:
    """(answer tokens,) what greedy decoding writes, answer after answer, as many tokens as the true answers have.

    Up to its first error an answer is what teacher forcing says. What follows an error depends on it, so it is decoded,
    one place of all such answers at a time.
    """
    model.eval()
    lengths = np.diff(scores.offsets)  # (Q,)
    first = np.repeat(split.offsets[:-1], split.queries)  # (Q,) where each query's program starts
    place = np.arange(len(scores.predicted)) - np.repeat(scores.offsets[:-1], lengths)  # within the answer
    right = scores.predicted == split.targets[np.repeat(first + split.begin, lengths) + place]
    error = np.minimum.reduceat(np.where(right, np.iinfo(np.int64).max, place), scores.offsets[:-1])  # (Q,)
    found = scores.predicted.copy()
    for i in range(1, lengths.max()):
        needed = np.flatnonzero((error < i) & (i < lengths))
        for start in range(0, len(needed), batch):
            queries = needed[start : start + batch]
            size = split.begin[queries] + i  # (B,) the prompt, and the answer so far
            grid = np.arange(size.max())
            inside = grid < size[:, None]  # (B, L)
            prompt = split.flat[np.minimum(first[queries, None] + grid, len(split.flat) - 1)]
            so_far = np.clip(grid - split.begin[queries, None], 0, i - 1)
            tokens = np.where(grid < split.begin[queries, None], prompt, found[scores.offsets[queries, None] + so_far])[
                inside
            ].astype(np.int64)
            ends = np.cumsum(size) - 1
            places, wanted, texts = map(torch.from_numpy, (np.flatnonzero(inside), ends, tokens))
            data = Batch(
                texts, Layout(len(inside), inside.shape[1], places, wanted), torch.zeros_like(wanted), wanted >= 0
            )
            logits, _ = device.losses(model, data)
            found[scores.offsets[queries] + i] = logits.argmax(-1).cpu().numpy()
    model.train()
    return found
