"""Depo: `ka mol  bi ka  mol bi  2 ka bi`: the edges of a cycle in random order, then queries.

The task of Physics of Language Models 4.1 (arXiv 2512.17351): a cycle of n nodes is given as n edges `x y` (y follows
x); a query `k q` asks for the k-th node after q. No edge tells it alone where k > 1, so k is how deep a model has to
think before its next token. Other than there, a node is one word, k is written as a number, no sign opens or closes a
program, and queries of a program are all different.
"""

import numpy as np

from lolameme.base.seeds import generator
from lolameme.study.settings import Language
from lolameme.tasks import task
from lolameme.tasks.depo.settings import Program, Variant
from lolameme.tasks.lexemes import Lexemes, Ragged, Rendered, starts
from lolameme.tasks.roots import draw_roots
from lolameme.tasks.sampling import sample_distinct
from lolameme.tasks.task import Drawn


class Task(task.Task):
    """The task of a Depo variant. Lexemes: the nodes, then the numbers of hops from 1 on."""

    pattern = "words"

    def __init__(self, variant: Variant, languages: dict[str, Language], seed: int):
        super().__init__(variant, languages, seed)
        programs = self.programs.values()
        (nodes,) = draw_roots([self.variant.world.nodes], generator(self.seed, "nodes"))
        self.names = {"nodes": nodes}
        self.hops = max(program.hops[1] for program in programs)
        numbers = [str(hops) for hops in range(1, self.hops + 1)]
        self.lexemes = Lexemes([f" {word}" for word in [*nodes, *numbers]], closed=False)
        self.longest = max(2 * program.nodes[1] + 3 * program.queries[1] for program in programs)

    def document(self) -> dict:
        return {"task": "depo", **self.names}

    def draw(self, split: str, count: int, rng: np.random.Generator, first: int) -> Drawn:
        settings, nodes = self.programs[split], len(self.names["nodes"])
        n, edges, asked = draw_cycles(settings, nodes, count, rng)
        row, order = np.nonzero(asked.hops)  # queries, program by program
        queries = (asked.hops > 0).sum(1)
        hops, edge = asked.hops[row, order], asked.edge[row, order]
        grid = np.concatenate([edges.reshape(count, -1), asked.words(nodes).reshape(count, -1)], axis=1)
        present = grid >= 0
        lexemes = Ragged(grid[present], starts(present.sum(1)))
        query = lexemes.offsets[row] + 2 * n[row] + 3 * order  # its number of hops; the node and the answer follow
        value = lexemes.offsets[row] + 2 * edge + 1
        rendered = Rendered(lexemes, Ragged(query + 2, starts(queries)), query, query + 1, np.stack([value, value]))
        distance = n[row] + order - edge  # edges are the first statements
        columns = {
            "nodes": n[row],
            "hops": hops,
            "distance": distance,
            "nearest": distance,
            "value_share": 1 / n[row],
        }
        return Drawn(rendered, columns, np.ones(count, bool))


class Asked:
    """The queries of N programs, up to Q each. Shapes are (N, Q); where there is none, hops are 0."""

    def __init__(self, hops: np.ndarray, start: np.ndarray, answer: np.ndarray, edge: np.ndarray):
        self.hops, self.start, self.answer = hops, start, answer  # numbers of nodes
        self.edge = edge  # the place among the edges of the last one on the way

    def words(self, nodes: int) -> np.ndarray:
        """(N, Q, 3) lexemes: the number of hops, the node, the answer; -1 where there is no query."""
        words = np.stack([nodes + self.hops - 1, self.start, self.answer], axis=2)
        return np.where(self.hops[:, :, None] > 0, words, -1)


def draw_cycles(
    settings: Program, nodes: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Asked]:
    """Draw `count` cycles over the numbers below `nodes`, and queries of each.

    Returns the sizes (count,), the edges (count, most nodes, 2) in the order in which they are told, -1 beyond the
    size, and the queries.
    """
    (least, most), (low, high), queries = settings.nodes, settings.hops, settings.queries
    n = rng.integers(least, most + 1, count)
    cycle = sample_distinct(np.arange(nodes), count, most, rng)  # (count, most): node i is followed by node i + 1
    unused = np.arange(most) >= n[:, None]
    told = np.argsort(np.where(unused, 2, rng.random((count, most))), axis=1)  # (count, most): edges in random order
    follower = np.take_along_axis(cycle, (told + 1) % n[:, None], axis=1)
    edges = np.stack([np.take_along_axis(cycle, told, axis=1), follower], axis=2)
    edges[unused] = -1
    # all pairs of a node and a number of hops in random order, of which the first are asked for
    choices = high - low + 1
    keys = rng.random((count, most, choices))
    keys[unused] = 2
    chosen = np.argsort(keys.reshape(count, -1), axis=1)[:, : queries[1]]  # (count, Q)
    start, hops = chosen // choices, low + chosen % choices
    hops[np.arange(queries[1]) >= rng.integers(queries[0], queries[1] + 1, count)[:, None]] = 0
    end, last = (start + hops) % n[:, None], (start + hops - 1) % n[:, None]
    answer, begin = (np.take_along_axis(cycle, place, axis=1) for place in (end, start))
    return n, edges, Asked(hops, begin, answer, np.take_along_axis(np.argsort(told, axis=1), last, axis=1))
