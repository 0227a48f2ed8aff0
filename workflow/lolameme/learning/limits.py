"""How long a training may take: what a scheduler is asked for, so generous that only a stuck job meets it."""

from lolameme.study.settings import Model, Training

# measured on one CPU thread (benchmarks/amd-epyc): 33 to 55 GFLOP/s; for a GPU a guess, not measured
_CPU, _GPU = 10e9, 5e12  # operations per second
_START = 3.0  # minutes


def minutes(model: Model, training: Training, vocabulary: int, longest: int, cuda: bool, attempt: int = 1) -> int:
    """Minutes to ask for, doubled with every attempt.

    By the usual count (Kaplan et al. 2020, arXiv 2001.08361, section 2.1): six operations per parameter and token, with
    all programs as long as the `longest`.
    """
    parameters = model.layers * 12 * model.d_model**2 + vocabulary * model.d_model
    operations = 6 * parameters * training.steps * training.batch * longest
    return round((_START + operations / (_GPU if cuda else _CPU) / 60) * 2 ** (attempt - 1))
