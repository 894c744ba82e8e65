"""qd: evolution and quality diversity for policies, prompts and reward parameters.

Everything a user needs is here: ``import qd`` and no more. Names load when they are first used, so that
importing costs little and a run loads only what it needs.
"""

import os as _os
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from qd.launcher import launched_size as _launched_size

__version__ = "0.1.0"

if _launched_size() > 1:
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        _os.environ.setdefault(_name, "1")  # one process a core, one thread each; must be set before numpy loads

_NAMES = {
    "Algorithm": "qd.algorithm",
    "Box": "qd.space",
    "Composite": "qd.composite",
    "Evaluation": "qd.contracts",
    "EvaluatorSettings": "qd.experiment",
    "Experiment": "qd.experiment",
    "Lineage": "qd.lineages",
    "Mask": "qd.space",
    "Measures": "qd.space",
    "Problem": "qd.contracts",
    "ProblemError": "qd.errors",
    "QDError": "qd.errors",
    "Ragged": "qd.ragged",
    "Report": "qd.algorithm",
    "Request": "qd.contracts",
    "Result": "qd.result",
    "Space": "qd.space",
    "Status": "qd.contracts",
    "Texts": "qd.texts",
    "Tokens": "qd.space",
    "check_problem": "qd.check",
    "compare": "qd.comparison",
    "evaluate_batch": "qd.evaluate.connect",
    "load": "qd.loading",
    "problem": "qd.function_problem",
    "resume": "qd.loop",
    "run": "qd.loop",
}
_MODULES = {
    "algorithms": "qd.algorithms",
    "archives": "archives",
    "behavior": "qd.behavior",
    "interchange": "qd.interchange",
    "comparison": "qd.comparison",
    "learners": "qd.learners",
    "lineages": "qd.lineages",
    "models": "qd.models",
    "operators": "operators",
    "policies": "qd.policies",
    "problems": "qd.problems",
    "prompts": "qd.prompts",
    "rewards": "qd.rewards",
    "rng": "qd.rng",
    "statistics": "qd.statistics",
}

__all__ = [*_NAMES, *_MODULES, "__version__"]

if _TYPE_CHECKING:
    import archives as archives
    import operators as operators
    from qd import algorithms as algorithms
    from qd import behavior as behavior
    from qd import comparison as comparison
    from qd import interchange as interchange
    from qd import learners as learners
    from qd import lineages as lineages
    from qd import models as models
    from qd import policies as policies
    from qd import problems as problems
    from qd import prompts as prompts
    from qd import rewards as rewards
    from qd import rng as rng
    from qd import statistics as statistics
    from qd.algorithm import Algorithm as Algorithm
    from qd.algorithm import Report as Report
    from qd.check import check_problem as check_problem
    from qd.comparison import compare as compare
    from qd.composite import Composite as Composite
    from qd.contracts import Evaluation as Evaluation
    from qd.contracts import Problem as Problem
    from qd.contracts import Request as Request
    from qd.contracts import Status as Status
    from qd.errors import ProblemError as ProblemError
    from qd.errors import QDError as QDError
    from qd.evaluate import evaluate_batch as evaluate_batch
    from qd.experiment import EvaluatorSettings as EvaluatorSettings
    from qd.experiment import Experiment as Experiment
    from qd.function_problem import problem as problem
    from qd.lineages import Lineage as Lineage
    from qd.loading import load as load
    from qd.loop import resume as resume
    from qd.loop import run as run
    from qd.ragged import Ragged as Ragged
    from qd.result import Result as Result
    from qd.space import Box as Box
    from qd.space import Mask as Mask
    from qd.space import Measures as Measures
    from qd.space import Space as Space
    from qd.space import Tokens as Tokens
    from qd.texts import Texts as Texts


def __getattr__(name: str) -> object:
    if name in _MODULES:
        value: object = _import_module(_MODULES[name])
    elif name in _NAMES:
        value = getattr(_import_module(_NAMES[name]), name)
    else:
        raise AttributeError(f"module 'qd' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
