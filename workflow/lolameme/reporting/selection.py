"""Which figures a study can fill, read off its configuration alone."""

from lolameme.study import config

ALWAYS = ("exact_match", "position", "learning_curves", "learning_order", "splits", "cost")


def figures(study: config.Study) -> list[str]:
    """The names of the figures of a study's results."""
    some = {
        "memory": len(memorised(study)) > 1,
        "length": bool(recalled(study)),
        "distance": bool(recalled(study)),
        "transfer": bool(transferred(study)),
    }
    return [*ALWAYS, *(name for name, shown in some.items() if shown)]


def memorised(study: config.Study) -> dict[str, int]:
    """Variants that ask for nothing but the values of global variables, and how many there are of these."""
    return {
        name: variant.world.globals
        for name, variant in study.variants.items()
        if variant.task == "lolameme" and variant.program.global_share == 1 and variant.program.operands[1] == 1
    }


def recalled(study: config.Study) -> dict[str, tuple[int, int]]:
    """Variants that ask for values bound in the program, and the least and most bindings of a training program."""
    found = {}
    for name, variant in study.variants.items():
        if variant.task == "lolameme" and variant.program.global_share < 1:
            found[name] = variant.program.assignments
        elif variant.task == "mqar":
            found[name] = variant.program.pairs
    return found


def transferred(study: config.Study) -> list[tuple[str, str, str]]:
    """Variants in two languages that ask for facts in the language they were taught in, and in the other one.

    A variant with its two splits, which differ in `ask` alone.
    """
    found = []
    for name, variant in study.variants.items():
        if variant.task == "lolameme" and len(variant.languages) == 2:
            programs = variant.programs()
            for split, program in programs.items():
                twin = program.model_copy(update={"ask": "taught"})
                taught = [other for other in programs if other in variant.tests and programs[other] == twin]
                if program.ask == "untaught" and taught:
                    found.append((name, taught[0], split))
    return found
