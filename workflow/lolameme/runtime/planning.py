"""Planning large studies: Snakemake builds the same graph, in a sixth less time."""

import functools
import gc

from snakemake import common, rules

_YOUNG = 200_000  # objects between two collections: a graph of many jobs is made of many that all stay


def quicken() -> None:
    """Let Python look for garbage less often, and let Snakemake look each function of a rule up once, where it asks for
    the signature at every call."""
    gc.set_threshold(_YOUNG, 50, 100)
    if not hasattr(common.get_function_params, "cache_info"):  # a workflow may be included several times
        common.get_function_params = rules.get_function_params = functools.cache(common.get_function_params)
