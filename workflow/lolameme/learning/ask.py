"""Asking a trained cell: greedy decoding of one answer, beside what the interpreter knows."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tokenizers import Tokenizer

from lolameme.base.files import read_json
from lolameme.data.tokenizer import load_tokenizer
from lolameme.learning.decoding import greedy
from lolameme.learning.evaluation import load_cell
from lolameme.study.paths import data_of
from lolameme.tasks.interpreter import Answer, Interpreter, ProgramError, interpreter

_MOST = 32  # tokens of an answer, at most


@dataclass(frozen=True)
class Reply:
    """A cell's answer to a prompt."""

    text: str
    probability: float  # of all its tokens, the end sign's included
    truth: Answer


def ask(folder: Path, prompt: str) -> Reply:
    """Ask the cell trained in `folder` to continue `prompt`, which must end where an answer is due.

    Raises ValueError, in a sentence for the user, if there is no such cell or the prompt is no program of its world.
    """
    folder = folder.parent if folder.is_file() else folder
    model, facts = load_cell(folder)
    data = data_of(folder, facts["world"])
    solver = interpreter(read_json(data / "world.json"))
    if not solver.asks(prompt):
        raise ProgramError(f"{prompt!r} asks for nothing at its end; end it with a query and its answer sign")
    truth = solver.answers(prompt)[-1]
    tokenizer = load_tokenizer(data)
    ends = stops(solver, tokenizer)
    decoded = greedy(model, prompt_tokens(prompt, solver, tokenizer), _MOST, ends)
    length = answer_length(token_texts(decoded.tokens, tokenizer), solver)
    shown = [token for token in decoded.tokens[:length] if token not in ends]
    return Reply(tokenizer.decode(shown).strip(), math.prod(decoded.probabilities[:length]), truth)


def prompt_tokens(prompt: str, solver: Interpreter, tokenizer: Tokenizer) -> list[int]:
    """The tokens of a prompt as they stand before an answer.

    Whether the space before an answer belongs to it depends on the task: so an answer is put there and its tokens are
    taken off again.
    """
    prompt = prompt.strip()
    encoded = tokenizer.encode(f"{prompt} {solver.specimen}")
    ends = len(prompt) + solver.spaced
    return [token for token, (start, _) in zip(encoded.ids, encoded.offsets, strict=True) if start < ends]


def stops(solver: Interpreter, tokenizer: Tokenizer) -> frozenset[int]:
    """The tokens that end an answer."""
    return frozenset(token for end in solver.ends if (token := tokenizer.token_to_id(end)) is not None)


def token_texts(tokens: Iterable[int], tokenizer: Tokenizer) -> list[str]:
    """Tokens as text, one by one."""
    return [cast("str", tokenizer.id_to_token(token)) for token in tokens]  # each is in the vocabulary


def answer_length(tokens: list[str], solver: Interpreter) -> int:
    """How many of the tokens decoded are the answer: all, but one word where no sign ends it."""
    if solver.ends:
        return len(tokens)
    return next((i for i, token in enumerate(tokens) if i and token.startswith(" ")), len(tokens))
