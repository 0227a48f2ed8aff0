"""Surface languages: how concepts, values and signs are written. A language is a declaration, not code."""

from dataclasses import dataclass

from lolameme.base.seeds import generator
from lolameme.study.settings import Language
from lolameme.tasks.lolameme.world import World
from lolameme.tasks.roots import draw_roots

_JOIN = {
    "camel": lambda stem, head: stem + head.capitalize(),
    "pascal": lambda stem, head: stem.capitalize() + head.capitalize(),
    "snake": lambda stem, head: f"{stem}_{head}",
    "kebab": lambda stem, head: f"{stem}-{head}",
}


@dataclass(frozen=True)
class Lexicon:
    """The spellings of one language: `stems[i]` are the synonyms of stem i, the first one its plain form."""

    stems: list[list[str]]
    heads: list[list[str]]
    language: Language

    def spellings(self, concept: int) -> list[str]:
        """All ways to write a concept: synonyms**2 names, the plainest first."""
        stem, head = divmod(concept, len(self.heads))
        join = _JOIN[self.language.casing]
        return [join(s, h) for s in self.stems[stem] for h in self.heads[head]]


def build_lexicon(world: World, name: str, language: Language, seed: int) -> Lexicon:
    """Spell the world's roots in a language: as they are (shared), or by roots of its own (distinct).

    Synonyms beyond the first are new roots in either case. The result depends on the seed and the language's name.
    """
    plain = [world.stems, world.heads]
    distinct = language.lexicon == "distinct"
    per_root = language.synonyms if distinct else language.synonyms - 1
    drawn = draw_roots([len(roots) * per_root for roots in plain], generator(seed, "lexicon", name), plain)
    sets = []
    for roots, new in zip(plain, drawn, strict=True):
        own = [new[i * per_root : (i + 1) * per_root] for i in range(len(roots))]
        sets.append(own if distinct else [[root, *more] for root, more in zip(roots, own, strict=True)])
    return Lexicon(*sets, language)
