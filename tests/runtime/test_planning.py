"""What is changed of Snakemake while it plans, and that it is there to be changed."""

import gc
import inspect
from types import SimpleNamespace

import pytest
from snakemake import api, common, dag, rules  # noqa: F401 (dag alone imports itself in a circle)

from lolameme.runtime import planning


@pytest.fixture(autouse=True)
def _as_it_comes(monkeypatch):
    """Snakemake as nobody has changed it, during and after a test."""
    unchanged = inspect.unwrap(common.get_function_params)
    for module in (common, rules):
        monkeypatch.setattr(module, "get_function_params", unchanged)
    monkeypatch.setattr(dag.ScriptProcessor, "process_job", dag.ScriptProcessor.process_job)
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_snakemake_looks_a_function_up_once(monkeypatch):
    """Snakemake's own module of rules has the name that is replaced, and asks it for a mapping by name."""
    planning.quicken()
    found = rules.get_function_params
    planning.quicken()
    assert rules.get_function_params is common.get_function_params is found
    looked, signature = [], inspect.signature
    monkeypatch.setattr(inspect, "signature", lambda f: looked.append(f) or signature(f))

    def runtime(wildcards, attempt):
        return 30 * attempt

    assert list(found(runtime)) == list(found(runtime)) == ["wildcards", "attempt"]
    assert looked == [runtime]


def test_snakemake_looks_for_the_script_of_a_rule_once(monkeypatch):
    looked = []
    monkeypatch.setattr(dag.ScriptProcessor, "process_job", lambda self, job: looked.append(job.number))
    planning.quicken()
    train, evaluate = object(), object()
    jobs = [SimpleNamespace(rule=rule, number=n) for n, rule in enumerate([train, train, evaluate, train])]
    processor = dag.ScriptProcessor(None)
    for job in jobs:
        processor.process_job(job)
    assert looked == [0, 2]
