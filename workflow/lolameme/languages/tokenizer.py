"""Tokenizers, all through the `tokenizers` library.

Text is first split into names, single digits and signs, so that BPE merges within a name but an answer never merges
with its neighbours. Every piece carries the space before it; the normaliser adds one to the start of the text, which
makes the first name look like any other, and the decoder takes it off again. The round trip is lossless.
"""

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lolameme import config
from lolameme.languages.rendering import Ragged, Renderer

PAD = "<pad>"
# a name, a digit, a sign (with the space after it when a digit follows), or the lone space between two operands
_PIECES = r" ?\p{L}+(?:[_-]\p{L}+)*|\d| ?[^\w\s]+(?: (?=\d))?| "


def train_tokenizer(knobs: config.Tokenizer, texts: list[str], alphabet: str) -> Tokenizer:
    """Learn a BPE vocabulary from the variant's own texts; `alphabet` lists the characters that must be in it.

    Raises ConfigError if the vocabulary is too small for the alphabet.
    """
    letters = sorted({" ", *alphabet})
    if knobs.vocabulary < len(letters) + 1:
        raise config.ConfigError(
            f"tokenizer.vocabulary is {knobs.vocabulary}, but the languages use {len(letters)} characters; "
            f"it must be at least {len(letters) + 1}"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Prepend(" ")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECES), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=knobs.vocabulary, special_tokens=[PAD], initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def lexeme_table(tokenizer: Tokenizer, renderer: Renderer) -> Ragged:
    """The token ids of every lexeme of a renderer."""
    bare = Tokenizer.from_str(tokenizer.to_str())
    bare.normalizer = normalizers.Replace("\0", "")  # lexemes bring their own space
    # a sign that ends in a space stands before a digit: show the tokenizer that digit, then take its token off
    cut = [text.endswith(" ") for text in renderer.texts]
    shown = [text + "0" if c else text for text, c in zip(renderer.texts, cut, strict=True)]
    ids = [e.ids[:-1] if c else e.ids for e, c in zip(bare.encode_batch(shown), cut, strict=True)]
    return Ragged.of(ids, np.uint16)
