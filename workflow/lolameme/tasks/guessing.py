"""Guessing without binding: what a solver can say that never links a name to what the prompt binds it to.

The module `floor` of a task's folder has such a solver, `guesses`: it knows the rules of its split, all values in the
prompt and all answers given before, and the weights may hold what they like. It excludes what cannot be the answer any
more. `data.floors` says how often it is right.
"""

Guess = dict[str, float]  # answers, as they are written, with weights that need not sum to 1
