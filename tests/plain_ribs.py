"""pyribs' evolution strategies as plain Python: compiling them anew in each process takes longer than the tests."""

import pytest


@pytest.fixture
def plain_ribs(monkeypatch):
    from ribs.emitters.opt import CMAEvolutionStrategy, LMMAEvolutionStrategy, SeparableCMAEvolutionStrategy

    for strategy in (CMAEvolutionStrategy, LMMAEvolutionStrategy, SeparableCMAEvolutionStrategy):
        for name, value in list(vars(strategy).items()):
            plain = getattr(getattr(value, "__func__", None), "py_func", None)
            if plain is not None:
                monkeypatch.setattr(strategy, name, staticmethod(plain))
