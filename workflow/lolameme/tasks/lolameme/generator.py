"""The task of this study's languages: programs over one world, written in several languages."""

from typing import Any

import numpy as np

from lolameme.study.settings import Language
from lolameme.tasks import task
from lolameme.tasks.lolameme.meanings import nearer, prompts, since_asked
from lolameme.tasks.lolameme.programs import ASSIGN, NONE, QUERY, draw_programs
from lolameme.tasks.lolameme.rendering import Renderer
from lolameme.tasks.lolameme.settings import Variant
from lolameme.tasks.lolameme.surface import Lexicon, build_lexicon
from lolameme.tasks.lolameme.world import World, build_world
from lolameme.tasks.task import Drawn


class Task(task.Task):
    """Programs in the languages of the study, over one world."""

    pattern = "names"

    def __init__(self, variant: Variant, languages: dict[str, Language], seed: int):
        super().__init__(variant, languages, seed)
        declared, languages = languages, self.variant.languages
        self.world = build_world(self.variant.world, self.seed, languages, self.variant.taught_in)
        self.lexicons = {n: build_lexicon(self.world, n, declared[n], self.seed) for n in languages}
        self.renderer = Renderer(self.world, self.lexicons)
        self.lexemes = self.renderer.lexemes
        concepts = range(self.world.concepts)
        self.names = {n: [lexicon.spellings(c)[0] for c in concepts] for n, lexicon in self.lexicons.items()}
        self.longest = max((p.slots + p.queries[1]) * (3 * p.operands[1] + 4) for p in self.programs.values())

    def document(self) -> dict[str, Any]:
        return document(self.world, self.lexicons)

    def every_fact(self) -> int | None:
        return None if self.variant.holdout else sum(int(mask.sum()) for mask in self.world.taught.values())

    def draw(self, split: str, count: int, rng: np.random.Generator, first: int) -> Drawn:
        settings = self.programs[split]
        p = draw_programs(self.world, settings, count, rng, None if self.variant.holdout else first)
        query, asked = p.kind == QUERY, since_asked(p)
        codes = np.array([list(self.lexicons).index(language) for language in p.languages])
        columns = {
            "language": np.array(p.languages)[p.language[query]],
            "assignments": np.cumsum(p.kind == ASSIGN, axis=1)[query],
            "operands": p.expression[query],
            **{
                column: getattr(p, column)[query]
                for column in ("globals_used", "chain_depth", "shadowed", "unseen_pair", "distance", "value_share")
            },
            "nearest": nearer(asked, p.distance)[query],
            "asked_before": asked[query] != NONE,
            "prompt": prompts(p, self.world, codes)[query],
        }
        return Drawn(self.renderer.render(p, rng), columns, p.pairs(settings.pairs))


def document(world: World, lexicons: dict[str, Lexicon]) -> dict[str, Any]:
    """World, languages and their spellings in one JSON document."""
    languages = {
        name: {**lexicon.language.model_dump(), "stems": lexicon.stems, "heads": lexicon.heads}
        for name, lexicon in lexicons.items()
    }
    return {"task": "lolameme", **world.document(), "languages": languages}
