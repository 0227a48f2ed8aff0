"""What is changed of Snakemake while it plans, and that it is there to be changed."""

import gc
import inspect

from snakemake import common, rules

from lolameme.runtime import planning


def test_snakemake_looks_a_function_up_once(monkeypatch):
    """Snakemake's own module of rules has the name that is replaced, and asks it for a mapping by name."""
    for module in (common, rules):
        monkeypatch.setattr(module, "get_function_params", inspect.unwrap(common.get_function_params))
    before = gc.get_threshold()
    try:
        planning.quicken()
        found = rules.get_function_params
        planning.quicken()
        assert rules.get_function_params is common.get_function_params is found
    finally:
        gc.set_threshold(*before)
    looked, signature = [], inspect.signature
    monkeypatch.setattr(inspect, "signature", lambda f: looked.append(f) or signature(f))

    def runtime(wildcards, attempt):
        return 30 * attempt

    assert list(found(runtime)) == list(found(runtime)) == ["wildcards", "attempt"]
    assert looked == [runtime]
