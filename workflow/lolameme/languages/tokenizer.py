"""Tokenizers, all through the `tokenizers` library.

Text is first split into names, single digits and signs, so that nothing merges across them: an answer never merges
with its neighbours. What happens within a name is the kind:

    bpe    byte-pair merges learned from the variant's own programs, up to a whole name
    piece  one token per root and casing mark, the same in all languages that share their roots
    char   one token per character

Every name and sign carries the space before it; the normaliser adds one to the start of the text, which makes the first
name look like any other, and the decoder takes it off again. The round trip is lossless.
"""

from string import ascii_uppercase

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lolameme import config
from lolameme.languages.rendering import Ragged, Renderer

PAD = "<pad>"
CAPITAL = "⇧"  # how `piece` writes that the next letter is a capital
_SIGNS = r"\d| ?[^\w\s]+(?: (?=\d))?| "  # a digit, a sign (with the space that a digit follows), a lone space
_PIECES = {
    "bpe": rf" ?\p{{L}}+(?:[_-]\p{{L}}+)*|{_SIGNS}",
    "piece": rf" ?{CAPITAL}| ?\p{{L}}+|[_-](?=\p{{L}})|{_SIGNS}",
    "char": r".",
}


def train_tokenizer(knobs: config.Tokenizer, texts: list[str], lexemes: list[str]) -> Tokenizer:
    """Make the tokenizer of a variant, from programs (`texts`) and all that they can be made of (`lexemes`).

    Raises ConfigError if the vocabulary asked for is too small for the alphabet.
    """
    capitals = _capitals(knobs.kind)
    letters = sorted({" ", *"".join(lexemes), *(CAPITAL if capitals else "")})
    if knobs.kind == "bpe" and knobs.vocabulary < len(letters) + 1:
        raise config.ConfigError(
            f"tokenizer.vocabulary is {knobs.vocabulary}, but the languages use {len(letters)} characters; "
            f"it must be at least {len(letters) + 1}"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(" "), *capitals])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECES[knobs.kind]), "isolated")
    restore = [decoders.Replace(CAPITAL + c.lower(), c) for c in ascii_uppercase] if capitals else []
    tokenizer.decoder = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0), *restore])
    size = {"bpe": knobs.vocabulary, "piece": 65535, "char": len(letters) + 1}[knobs.kind]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[PAD], initial_alphabet=letters, show_progress=False)
    # the roots of `piece` are learned from the lexemes: a root that no program uses is one token all the same
    tokenizer.train_from_iterator(_in_place(lexemes) if knobs.kind == "piece" else texts, trainer)
    return tokenizer


def lexeme_table(tokenizer: Tokenizer, renderer: Renderer) -> Ragged:
    """The token ids of every lexeme of a renderer."""
    bare = Tokenizer.from_str(tokenizer.to_str())
    # lexemes bring their own space
    bare.normalizer = normalizers.Sequence(_capitals("piece") if tokenizer.token_to_id(CAPITAL) else [])
    encoded = zip(bare.encode_batch(_in_place(renderer.texts)), renderer.texts, strict=True)
    return Ragged.of([e.ids[:-1] if text.endswith(" ") else e.ids for e, text in encoded], np.uint16)


def _in_place(lexemes: list[str]) -> list[str]:
    """Lexemes as they stand in programs: one that ends in a space is split from it unless a digit follows."""
    return [text + "0" if text.endswith(" ") else text for text in lexemes]


def _capitals(kind: str) -> list[normalizers.Normalizer]:
    """Capitals as a mark and a small letter, so that `piece` knows one root in every casing."""
    return [normalizers.Replace(c, CAPITAL + c.lower()) for c in ascii_uppercase] if kind == "piece" else []
