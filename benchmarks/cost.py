"""What `lolameme cost` says of a study's trainings, beside what they took: after `make study`, on the same machine.

Not part of `make bench`, as it needs a study that is done, whole or in part. `cost.json` keeps the speeds that were
measured and the seconds that were taken, so that a test holds the one against the other whatever machine it runs on.
"""

import json
import sys

from common import STUDY, keep, table

from lolameme.base.files import read_json
from lolameme.runtime import costing
from lolameme.study import config


def done(study: config.Study) -> config.Study:
    """The part of a study that is trained and evaluated: on each variant the stacks whose cells all are; no trials."""

    def whole(variant: str, stack: str) -> bool:
        return all((study.paths.cell(variant, stack, seed) / "metrics.json").exists() for seed in study.seeds)

    stacks = {name: tuple(s for s in study.stacks_of(name) if whole(name, s)) for name in study.variants}
    variants = {name: of.model_copy(update={"architectures": stacks[name]}) for name, of in study.variants.items()}
    part = study.model_copy(update={"variants": variants, "tuning": None, "contrasts": ()})
    return part.only([name for name in study.variants if stacks[name]])


def main() -> None:
    study = done(config.load(sys.argv[1] if len(sys.argv) > 1 else STUDY))
    found = costing.cost(study)
    taken = sum(read_json(study.paths.cell(*cell) / "model.json")["processor_seconds"] for cell in study.cells)
    rows = [(study.study, f"{found.cells:,}", f"{found.cell_seconds:,.0f}", f"{taken:,.0f}")]
    by = f"python benchmarks/cost.py {' '.join(sys.argv[1:])}".strip()
    cells = "; ".join(f"{name}: {', '.join(study.stacks_of(name))}" for name in study.variants)
    head = ["Seconds of a processor in trainings, as `lolameme cost` says and as they were taken.", ""]
    head += [f"Cells: {study.counted_seeds} of {cells}.", ""]
    folder = keep("cost", [*head, *table(("study", "cells", "said", "taken"), rows)], by=by)
    record = {"config": study.model_dump(mode="json"), "rates": found.rates, "taken": taken}
    (folder / "cost.json").write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
