"""Where fitness runs: in this process, in child processes, on MPI ranks. The numbers do not depend on it."""

from qd.evaluate.connect import connect, evaluate_batch
from qd.evaluate.evaluator import Evaluator
from qd.evaluate.local import LocalEvaluator

__all__ = ["Evaluator", "LocalEvaluator", "connect", "evaluate_batch"]
