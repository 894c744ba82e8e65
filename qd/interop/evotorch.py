"""evotorch's problems in our loop, and ours under its searchers (evotorch >= 0.6.1, < 0.7).

Importing this module imports evotorch, which takes seconds: do it where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import evotorch
import numpy as np
import torch
from evotorch.neuroevolution import GymNE, SupervisedNE, VecGymNE
from numpy.typing import ArrayLike, NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.evaluate import evaluate_batch
from qd.interop.surroundings import global_generators, one_thread, quiet, swapped
from qd.rng import generator
from qd.space import Box, Measures

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}


def to_evotorch(problem: Problem, seed: int = 0, *, bounded: bool = False) -> evotorch.Problem:
    """One of our problems as one of evotorch's, for its searchers and loggers.

    Objectives are maximised, measures are the evaluation data. Solutions are drawn from our space, and each evaluation
    has the seed of its number, counted from the first. A row that failed is told minus infinity, never NaN: evotorch
    ranks NaN best.

    Args:
        problem: with a Box of solutions and one population.
        seed: of the solutions drawn and of the evaluations.
        bounded: declare the bounds to evotorch; its distribution-based searchers refuse that. Otherwise what lies
            outside the box is mirrored into it before it is evaluated.

    >>> from evotorch.algorithms import SNES
    >>> import qd
    >>> theirs = to_evotorch(qd.problems.Sphere(dimension=5), seed=1)
    >>> searcher = SNES(theirs, stdev_init=1.0, popsize=20)
    >>> searcher.run(60)
    >>> searcher.status["best_eval"] > 99.9
    True
    """
    with quiet():
        return _Ours(problem, seed, bounded)


class _Ours(evotorch.Problem):
    """See ``to_evotorch``."""

    def __init__(self, problem: Problem, seed: int, bounded: bool) -> None:
        space = problem.space()
        if not isinstance(space, Box):
            raise QDError(f"to_evotorch: {problem.name} has solutions in {space!r}, wanted a Box of real numbers")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise QDError(f"to_evotorch: seed {seed!r}, wanted a whole number of at least 0")
        self.qd_problem, self.qd_space, self.qd_seed = problem, space, seed
        self.qd_evaluations = self.qd_requests = self.qd_draws = 0
        super().__init__(
            ["max"] * len(problem.objectives),
            solution_length=space.length,
            dtype=str(space.dtype),
            eval_dtype="float64",
            eval_data_length=problem.measure_space.size if problem.measure_space else 0,
            seed=seed % 2**63,
            bounds=tuple(torch.from_numpy(np.array(bound)) for bound in (space.low, space.high)) if bounded else None,
        )

    def _fill(self, values: torch.Tensor) -> None:
        rng = generator(self.qd_seed, "sample", self.qd_draws)
        self.qd_draws += 1
        values[:] = torch.from_numpy(np.asarray(self.qd_space.sample(len(values), rng)))

    def _evaluate_batch(self, batch: evotorch.SolutionBatch) -> None:
        from operators.mirror import mirror

        values = _numbers(batch.values)  # (n, d)
        inside = mirror(values, *self.qd_space.bounds).astype(self.qd_space.dtype)
        evaluation = evaluate_batch(
            self.qd_problem, Request(inside), self.qd_seed, first=self.qd_evaluations, number=self.qd_requests
        )
        self.qd_evaluations += len(inside)
        self.qd_requests += 1
        objective = np.array(evaluation.objective).reshape(len(inside), -1)  # (n, k)
        objective[~evaluation.ok] = -np.inf
        if evaluation.measures.shape[1]:
            batch.set_evals(torch.from_numpy(objective), torch.from_numpy(evaluation.measures.copy()))
        else:
            batch.set_evals(torch.from_numpy(objective))


def from_evotorch(
    problem: evotorch.Problem,
    *,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
    measures: Measures | Mapping[str, tuple[float, float]] | None = None,
    objectives: Sequence[str] = (),
    stochastic: bool = False,
    reseed: Callable[[Any, int], None] | None = None,
    chunk_size: int = 64,
    batching: Literal["rows", "chunks", "padded"] = "padded",
) -> Problem:
    """An evotorch problem as one of ours, for any search and evaluator.

    What it minimises is negated. Its evaluation data are the measures where they are declared, and always the column
    ``eval_data``.

    Args:
        problem: with numbers for solutions, and no actors: distributing is our evaluators' part.
        bounds: (low, high) of the genes. Left out, the problem's own; one without has an unbounded space whose samples
            are normal with the deviation of the initial bounds, which then must be the same, around 0, for all genes.
        measures: names and bounds, one for each number of the evaluation data.
        objectives: their names, where there are several.
        stochastic: the result depends on random numbers. Then rows are evaluated one by one, with the global generators
            of torch, numpy and Python and the problem's own set by the row's seed, and put back.
        reseed: ``reseed(problem, seed)``, called before each row of a stochastic problem for what keeps its own random
            state. Known without it: the environments of GymNE and VecGymNE, the minibatches of SupervisedNE.
        chunk_size: rows a call.
        batching: how calls are cut (see ``qd.Problem``). torch's sums may round by the shape of a batch, so calls are
            padded to one shape.

    Raises:
        QDError: integers, flags or objects for solutions; actors; normalised observations, which carry from row to row.

    >>> import qd
    >>> sphere = evotorch.Problem("min", lambda x: (x**2).sum(), solution_length=3, bounds=(-1, 1))
    >>> ours = from_evotorch(sphere)
    >>> ours.evaluate(qd.Request(np.full((1, 3), 0.5)), np.zeros(1, np.uint64)).objective.tolist()
    [-0.75]
    """
    return EvotorchProblem(problem, bounds, measures, tuple(objectives), stochastic, reseed, chunk_size, batching)


class EvotorchProblem(Problem):
    """See ``from_evotorch``, which makes it."""

    def __init__(
        self,
        problem: evotorch.Problem,
        bounds: tuple[ArrayLike, ArrayLike] | None,
        measures: Measures | Mapping[str, tuple[float, float]] | None,
        objectives: tuple[str, ...],
        stochastic: bool,
        reseed: Callable[[Any, int], None] | None,
        chunk_size: int,
        batching: Literal["rows", "chunks", "padded"],
    ) -> None:
        if not isinstance(problem, evotorch.Problem):
            raise QDError(f"from_evotorch: got {type(problem).__name__}, wanted an evotorch.Problem")
        if problem.dtype not in _DTYPES:
            raise QDError(f"from_evotorch: the problem's solutions have dtype {problem.dtype}, wanted float32 or "
                          "float64: integers, flags and objects have no Box")  # fmt: skip
        if problem.num_actors > 0:
            raise QDError(f"from_evotorch: the problem has {problem.num_actors} actors, wanted none (num_actors=None): "
                          "our evaluators distribute the rows")  # fmt: skip
        if getattr(problem, "observation_normalization", False):
            raise QDError("from_evotorch: observation_normalization carries statistics from row to row, so a result "
                          "would depend on the rows before it; set it to False")  # fmt: skip
        if chunk_size < 1:
            raise QDError(f"from_evotorch: chunk_size {chunk_size}, wanted at least 1")
        self.problem, self.stochastic, self.reseed = problem, stochastic, reseed
        self.solution_space = _space(problem, bounds)
        self.measure_space = _measures(problem, measures)
        self.objectives = _objectives(problem, objectives)
        self.deterministic, self.chunk_size = not stochastic, chunk_size
        self.batching = "rows" if stochastic else batching  # one by one, every call has the same shape
        width = problem.eval_data_length or 0
        self.columns = {"eval_data": f"(n, {width}) evotorch's evaluation data"} if width else {}

    @property
    def name(self) -> str:
        return type(self.problem).__name__ if type(self.problem) is not evotorch.Problem else "EvotorchProblem"

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        values = torch.from_numpy(np.array(request.solutions))  # (n, d), a copy
        with one_thread(), quiet():
            if self.stochastic:
                with swapped(global_generators(0)):  # a network made at the first row would draw from its numbers
                    self.problem._start_preparations()
                rows = [self._row(values[i : i + 1], int(seed)) for i, seed in enumerate(seeds)]
                evals = np.concatenate(rows)
            else:
                evals = self._evals(values)
        k = len(self.objectives)
        signs = np.array([1.0 if sense == "max" else -1.0 for sense in self.problem.senses])
        objective, data = evals[:, :k] * signs, evals[:, k:]
        return Evaluation(
            objective[:, 0] if k == 1 else objective,
            data if self.measure_space else None,  # type: ignore[arg-type]
            columns={"eval_data": data} if "eval_data" in request.columns else {},
        )

    def _row(self, values: torch.Tensor, seed: int) -> NDArray[np.float64]:
        """(1, k + data) one solution, everything random set by its seed."""
        problem = self.problem
        with swapped(global_generators(seed)):
            if problem.has_own_generator:
                problem.manual_seed(seed % 2**63)
            if isinstance(problem, GymNE):  # a later reset without a seed goes on from this one
                problem._get_env().reset(seed=seed % 2**31)
            if isinstance(problem, VecGymNE):
                problem._get_env(1).reset(seed=seed % 2**31)
            if isinstance(problem, SupervisedNE):  # the next minibatch comes from a new shuffle
                problem.dataloader_iterator = None
            if self.reseed is not None:
                self.reseed(problem, seed)
            return self._evals(values)

    def _evals(self, values: torch.Tensor) -> NDArray[np.float64]:
        """(n, k + data) what evotorch makes of solutions, without its records of best and worst: NaN breaks them."""
        batch = evotorch.SolutionBatch(self.problem, popsize=len(values), empty=True)
        batch.set_values(values.to(batch.device))
        self.problem._start_preparations()
        self.problem._evaluate_all(batch)
        return _numbers(batch.evals)


def _space(problem: evotorch.Problem, bounds: tuple[ArrayLike, ArrayLike] | None) -> Box:
    length, dtype = problem.solution_length, _DTYPES[problem.dtype]
    if bounds is not None:
        return Box(bounds[0], bounds[1], length, dtype=dtype)
    if problem.lower_bounds is not None and problem.upper_bounds is not None:
        return Box(_numbers(problem.lower_bounds), _numbers(problem.upper_bounds), length, dtype=dtype)
    if problem.initial_lower_bounds is None or problem.initial_upper_bounds is None:
        raise QDError("from_evotorch: the problem has neither bounds nor initial bounds; give bounds=(low, high)")
    low, high = _numbers(problem.initial_lower_bounds), _numbers(problem.initial_upper_bounds)
    if np.ptp(low) or np.ptp(high) or not np.allclose(low, -high):
        raise QDError("from_evotorch: the problem is unbounded and its initial bounds differ from gene to gene or are "
                      f"not around 0 ({low.flat[0]:g}..{high.flat[0]:g}); give bounds=(low, high)")  # fmt: skip
    sigma = float(high.flat[0]) / np.sqrt(3.0)  # of the uniform distribution between them
    return Box(-np.inf, np.inf, length, init_sigma=sigma, dtype=dtype)


def _numbers(tensor: torch.Tensor) -> NDArray[np.float64]:
    """A copy as an array; evotorch hands out tensors of its own read-only class."""
    return np.array(tensor.as_subclass(torch.Tensor).detach().cpu().numpy(), np.float64)


def _measures(
    problem: evotorch.Problem, measures: Measures | Mapping[str, tuple[float, float]] | None
) -> Measures | None:
    if measures is None:
        return None
    if not isinstance(measures, Measures):
        bounds = [(float(low), float(high)) for low, high in measures.values()]
        cells = (50,) * len(bounds) if len(bounds) <= 3 else None
        measures = Measures(tuple(measures), tuple(a for a, _ in bounds), tuple(b for _, b in bounds), cells)
    if measures.size != (problem.eval_data_length or 0):
        raise QDError(f"from_evotorch: measures names {measures.size} numbers {measures.names}, but the problem's "
                      f"eval_data_length is {problem.eval_data_length or 0}")  # fmt: skip
    return measures


def _objectives(problem: evotorch.Problem, names: tuple[str, ...]) -> tuple[str, ...]:
    k = len(problem.senses)
    if not names:
        return ("objective",) if k == 1 else tuple(f"objective {i + 1}" for i in range(k))
    if len(names) != k or len(set(names)) != k:
        raise QDError(f"from_evotorch: objectives {names}, but the problem has {k}; wanted so many different names")
    return names
