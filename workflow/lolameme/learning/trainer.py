"""Training one cell: AdamW, linear warm-up, cosine decay; resumable to the bit on a CPU."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lolameme.base import tensors as saved
from lolameme.base.interruption import Interrupted, on_request
from lolameme.learning.batches import BatchSampler, Split
from lolameme.learning.device import Device
from lolameme.learning.optimiser import AdamW
from lolameme.learning.scoring import score
from lolameme.learning.snapshots import Snapshots, by_step, named, taken
from lolameme.models.stack import Stack
from lolameme.study.settings import Training

_SAVE_EVERY = 20.0  # seconds between checkpoints


@dataclass(frozen=True)
class Progress:
    """What is known about a running training, for whoever watches."""

    step: int
    steps: int
    loss: float
    exact_match: float
    tokens_per_second: float
    seconds: float


def train(
    model: Stack,
    training: Training,
    splits: dict[str, Split],
    seed: int,
    device: Device,
    resume_from: Path,
    identity: str,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> tuple[list[dict[str, Any]], dict[str, Any], Snapshots]:
    """Train `model` in place on `splits["train"]`, scoring all other splits on the way; the last one is watched.

    Returns the history, rows of (step, split, loss, exact_match, token_accuracy, other_loss, learning_rate, tokens,
    tokens_per_second, seconds), a summary, and the weights after the steps that `training.snapshots` names. A
    checkpoint, which carries the snapshots so far, is kept at `resume_from`; one that has the same `identity` is
    continued from, any other is ignored. On a CPU, interrupted and uninterrupted trainings end with the same bits.
    """
    return _Run(model, training, splits, seed, device, resume_from, identity, watch).run()


def learning_rate_at(training: Training, step: int) -> float:
    """The learning rate of a step, counted from 0."""
    assert training.learning_rate is not None  # see `Training.at_width`
    warm = max(1, round(training.warmup * training.steps))
    if step < warm:
        return training.learning_rate * (step + 1) / warm
    progress = (step - warm) / max(1, training.steps - warm)
    floor = training.final_rate
    return training.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)))


class _Run:
    snapshots: Snapshots

    def __init__(self, model, training, splits, seed, device, resume_from, identity, watch):
        self.model, self.training, self.device = model.to(device.torch_device), training, device
        self.train_split, self.watched = splits["train"], {k: v for k, v in splits.items() if k != "train"}
        self.sampler = BatchSampler(len(self.train_split), training.batch, seed)
        self.path, self.identity, self.watch = resume_from, identity, watch
        self.optimiser = AdamW(self.model.parameters(), training)
        self.step, self.tokens, self.seconds, self.processor, self.history = 0, 0, 0.0, 0.0, []
        self.snapshots = {}

    def run(self) -> tuple[list[dict[str, Any]], dict[str, Any], Snapshots]:
        if self.path.exists():
            self.load()
        self.begun, self.before, self.begun_at = time.perf_counter(), self.seconds, self.step
        self.processor -= time.process_time()  # so that adding it again gives what all attempts took
        self.stopped = False
        with on_request(self.stop):
            self.steps()
        summary = {"steps": self.step, "tokens": self.tokens, "train_seconds": self.seconds}
        summary |= {"processor_seconds": self.processor + time.process_time()}  # not what else the machine did
        return self.history, summary, self.snapshots

    def stop(self) -> None:
        """Asked to end: finish the step, keep a checkpoint, leave."""
        self.stopped = True

    def steps(self) -> None:
        saved = time.perf_counter()
        if not self.step:
            self.keep()
            self.evaluate()
        while self.step < self.training.steps:
            self.update()
            self.keep()
            if self.step % self.training.evaluate_every == 0 or self.step == self.training.steps:
                self.evaluate()
            if self.stopped or time.perf_counter() - saved > _SAVE_EVERY:
                self.save()
                saved = time.perf_counter()
            if self.stopped:
                raise Interrupted

    def update(self) -> None:
        """One step of the optimiser."""
        data = self.train_split.batch(self.sampler[self.step], all_tokens=self.training.loss == "all")
        _, losses = self.device.losses(self.model, data)
        losses.mean().backward()
        self.optimiser.step(learning_rate_at(self.training, self.step))
        self.step += 1
        self.tokens += len(data.tokens)

    def keep(self) -> None:
        """Take a snapshot where one is asked for."""
        if self.step in self.training.snapshots:
            self.snapshots[self.step] = taken(self.model)

    def evaluate(self) -> None:
        """Measure train and valid, add to the history, tell the reporter."""
        self.device.synchronise()
        self.seconds = self.before + time.perf_counter() - self.begun
        speed = self.tokens / self.seconds if self.step else 0.0
        for name, split in self.watched.items():
            scores = score(self.model, split, self.device, others=self.training.loss == "all")
            self.history.append(
                {
                    "step": self.step,
                    "split": name,
                    "loss": float(scores.loss.mean()),
                    "exact_match": float(scores.correct.mean()),
                    "token_accuracy": float(scores.token_accuracy.mean()),
                    "other_loss": scores.other_loss,
                    "learning_rate": learning_rate_at(self.training, self.step),
                    "tokens": self.tokens,
                    "tokens_per_second": speed,
                    "seconds": self.seconds,
                }
            )
        last = self.history[-1]
        if not math.isfinite(last["loss"]):
            raise FloatingPointError(
                f"the loss is {last['loss']} at step {self.step}: training diverged; "
                f"lower training.learning_rate ({self.training.learning_rate})"
            )
        self.watch(Progress(self.step, self.training.steps, last["loss"], last["exact_match"], speed, self.seconds))

    def save(self) -> None:
        self.seconds = self.before + time.perf_counter() - self.begun
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"snapshot.{k}": v for k, v in named(self.snapshots).items()}
        tensors |= self.optimiser.tensors() | {"random.cpu": torch.get_rng_state()}
        if self.device.torch_device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        facts = {"step": self.step, "tokens": self.tokens, "seconds": self.seconds, "history": self.history}
        facts |= {"processor": self.processor + time.process_time()}
        saved.save(self.path, tensors, identity=self.identity, **facts)

    def load(self) -> None:
        """Continue from the checkpoint if it is this cell's; one that is damaged is as good as none, but it is said."""
        try:
            tensors, facts = saved.load(self.path)
        except saved.Damaged as error:
            print(f"{self.path} is damaged ({error.reason}); training begins anew", file=sys.stderr, flush=True)
            return
        if facts.get("identity") != self.identity:
            return
        self.model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        self.snapshots = by_step(
            {k.removeprefix("snapshot."): v for k, v in tensors.items() if k.startswith("snapshot.")}
        )
        self.optimiser.restore(tensors)
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and self.device.torch_device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"])
        self.step, self.tokens, self.seconds = facts["step"], facts["tokens"], facts["seconds"]
        self.processor = facts["processor"]
        self.history = facts["history"]
