"""Tokenizers, all through the `tokenizers` library.

Text is first split into pieces, so that nothing merges across them: digits stay single, and an answer never merges with
its neighbours. What happens within a piece is the kind:

    bpe    byte-pair merges learned from the variant's own programs, up to a whole piece; names are pieces
    piece  one token per piece; names are split into roots and casing marks, so that languages share their roots
    char   one token per character

Signs are pieces, too; a variant may split them, so that each of their characters is a token.

Pieces carry the space before them; the normaliser adds one to the start of the text, which makes the first name look
like any other, and the decoder takes it off again. The round trip is lossless.
"""

import json
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lolameme.base.files import Damaged, digest, read_json
from lolameme.study import variant
from lolameme.study.sections import ConfigError
from lolameme.study.settings import CAPITAL
from lolameme.tasks.lexemes import Lexemes, Ragged

PAD = "<pad>"
_SIGNS = r"\d| ?[^\w\s]+(?: (?=\d))?| "  # a digit, a sign (with the space that a digit follows), a lone space
_SPLIT_SIGNS = _SIGNS.replace("+", "")  # each of a sign's characters alone
_WORDS = r" -> (?=\d)| ?\[?\w+| ?[^\w\s]+"  # in ListOps the answer sign has the space that a digit follows
PATTERNS = {  # pieces, by how the text of a task is built and by kind of tokenizer
    "names": {
        "bpe": rf" ?\p{{L}}+(?:[_-]\p{{L}}+)*|{_SIGNS}",
        "piece": rf" ?{CAPITAL}| ?\p{{L}}+|[_-](?=\p{{L}})|{_SIGNS}",
        "char": r".",
    },
    "words": {"bpe": _WORDS, "piece": _WORDS, "char": r"."},
}


def train_tokenizer(settings: variant.Tokenizer, pattern: str, texts: list[str], lexemes: Lexemes) -> Tokenizer:
    """Make the tokenizer of a variant, from programs (`texts`) and all that they can be made of (`lexemes`).

    Raises ConfigError if the vocabulary asked for is too small for the alphabet, or signs are to be split in a task
    that declares none.
    """
    pieces = PATTERNS[pattern][settings.kind]
    if settings.signs == "split":
        if pattern != "names":
            raise ConfigError("tokenizer.signs is split, but the signs of this task are whole; leave it out")
        pieces = pieces.replace(_SIGNS, _SPLIT_SIGNS)
    # capitals as a mark and a small letter, so that one root is one piece in every casing
    capitals = [normalizers.Replace(c, CAPITAL + c.lower()) for c in ascii_uppercase] if CAPITAL in pieces else []
    restore = [decoders.Replace(CAPITAL + c.lower(), c) for c in ascii_uppercase] if capitals else []
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(" "), *capitals])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pieces), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0), *restore])
    if settings.kind == "bpe":
        letters = require_alphabet(settings, lexemes)
        trainer = trainers.BpeTrainer(
            vocab_size=settings.vocabulary, special_tokens=[PAD], initial_alphabet=letters, show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer
    bare, split = without_prefix(tokenizer).normalizer, tokenizer.pre_tokenizer.pre_tokenize_str
    found = {piece for text in in_place(lexemes.texts) for piece, _ in split(bare.normalize_str(text))}
    tokenizer.model = models.WordLevel({token: i for i, token in enumerate([PAD, *sorted(found)])}, unk_token=PAD)
    tokenizer.add_special_tokens([PAD])
    return tokenizer


def require_alphabet(settings: variant.Tokenizer, lexemes: Lexemes) -> list[str]:
    """All characters that programs can have.

    Raises ConfigError, in a sentence for the user, if the vocabulary asked for has no room for them.
    """
    letters = sorted({" ", *"".join(lexemes.texts)})
    if settings.kind == "bpe" and settings.vocabulary < len(letters) + 1:
        raise ConfigError(
            f"tokenizer.vocabulary is {settings.vocabulary}, but the languages use {len(letters)} characters; "
            f"it must be at least {len(letters) + 1}"
        )
    return letters


def lexeme_table(tokenizer: Tokenizer, lexemes: Lexemes) -> Ragged:
    """The token ids of every lexeme."""
    encoded = zip(without_prefix(tokenizer).encode_batch(in_place(lexemes.texts)), lexemes.texts, strict=True)
    return Ragged.of([e.ids[:-1] if text.endswith(" ") else e.ids for e, text in encoded], np.uint16)


def without_prefix(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer without the space it puts before a text: lexemes bring their own."""
    document = json.loads(tokenizer.to_str())
    steps = document["normalizer"]["normalizers"]
    document["normalizer"]["normalizers"] = [step for step in steps if step["type"] != "Prepend"]
    return Tokenizer.from_str(json.dumps(document))


def in_place(texts: list[str]) -> list[str]:
    """Lexemes as they stand in programs: one that ends in a space is split from it unless a digit follows."""
    return [text + "0" if text.endswith(" ") else text for text in texts]


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a variant's data. Raises Damaged if it is not the one that its `world.json` names."""
    path = folder / "tokenizer.json"
    if digest(path) != read_json(folder / "world.json")["tokenizer"]:
        raise Damaged(path, "its content is not what world.json says")
    return Tokenizer.from_str(path.read_text(encoding="utf-8"))
