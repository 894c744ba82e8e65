"""One experiment: a problem, a search, a budget, a seed, and where fitness runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Literal

from qd.algorithm import Algorithm
from qd.contracts import Problem
from qd.errors import QDError, nearest


@dataclass(frozen=True)
class EvaluatorSettings:
    """Where and how fitness runs. The result does not depend on it, time-outs excepted."""

    kind: Literal["auto", "local", "processes", "mpi"] = "auto"
    """auto: mpi under mpirun or mpiexec, else local."""
    schedule: Literal["static", "dynamic"] = "static"
    """How chunks reach MPI ranks: equal blocks at once, or a queue for evaluations of uneven cost."""
    workers: int = 0
    """Child processes of the processes evaluator; 0 for one a core."""
    threads: int = 0
    """Threads of local evaluation where the problem's kernels allow them; 0 for one a core (one under MPI)."""
    timeout: float = 0.0
    """Seconds that one evaluation may take before it counts as timed out; 0 for no limit."""
    isolate: bool = False
    """Evaluate in a long-lived child process a rank: a crash or a hang in C costs one solution."""
    watchdog: float = 0.0
    """Seconds without a result from a rank before the job is aborted, checkpoint on disk; 0 for never."""

    def __post_init__(self) -> None:
        for name, known in (
            ("kind", ("auto", "local", "processes", "mpi")),
            ("schedule", ("static", "dynamic")),
        ):
            if getattr(self, name) not in known:
                value = getattr(self, name)
                raise QDError(f"evaluator.{name}: got {value!r}, {nearest(str(value), known)}")
        for name in ("workers", "threads", "timeout", "watchdog"):
            if getattr(self, name) < 0:
                raise QDError(f"evaluator.{name}: got {getattr(self, name)}, wanted 0 or more")


@dataclass(frozen=True)
class Experiment:
    """A run to be made. One value named ``experiment`` in a plain Python file makes ``qd run FILE`` work.

    >>> import qd
    >>> experiment = qd.Experiment(qd.problems.PlanarArm(), qd.algorithms.RandomSearch(), 1000, seed=1)
    """

    problem: Problem
    """What is searched."""
    algorithm: Algorithm
    """How it is searched."""
    budget: int | Mapping[str, float]
    """Evaluations, or one cost unit of the problem, e.g. {"steps": 1e7}. A hard cap: the last request is cut."""
    seed: int = 0
    """The run's seed."""
    name: str = ""
    """The name of the run; the experiment file's own by default."""
    evaluator: EvaluatorSettings = field(default_factory=EvaluatorSettings)
    """Where fitness runs."""
    checkpoint_seconds: float = 5.0
    """Least time between two checkpoints, stretched so that writing stays under 2 % of the run; 0: every generation."""
    history: int = 10_000_000
    """Evaluations recorded in the run's folder, some 50 bytes each, for maps through time and lineages; 0 for none."""

    def __post_init__(self) -> None:
        if not isinstance(self.problem, Problem):
            raise QDError(f"Experiment.problem: got {type(self.problem).__name__}, wanted a qd.Problem; "
                          "qd.problem(function, ...) makes one from a plain function")  # fmt: skip
        if not isinstance(self.algorithm, Algorithm):
            raise QDError(f"Experiment.algorithm: got {type(self.algorithm).__name__}, wanted a qd.Algorithm")
        if len(self.problem.objectives) > 1 and not self.algorithm.several_objectives:
            raise QDError(f"Experiment.problem: {self.problem.name} has {len(self.problem.objectives)} objectives "
                          f"{self.problem.objectives}, but {self.algorithm.name} maximises one; a search like "
                          "NSGA2 or MOME takes several")  # fmt: skip
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise QDError(f"Experiment.seed: got {self.seed!r}, wanted a whole number of at least 0")
        if not self.checkpoint_seconds >= 0:
            raise QDError(f"Experiment.checkpoint_seconds: got {self.checkpoint_seconds}, wanted 0 or more")
        if isinstance(self.history, bool) or not isinstance(self.history, int) or self.history < 0:
            raise QDError(f"Experiment.history: got {self.history!r}, wanted a number of evaluations, 0 for none")
        check_budget(self.budget, self.problem)

    def _repr_html_(self) -> str:
        """What a notebook shows: problem, search and their settings."""
        from archives.show import table_html

        budget = f"{self.budget_amount:,.6g} {self.budget_unit}"
        rows: list[tuple[str, object]] = [("budget", budget), ("seed", self.seed), ("evaluator", self.evaluator.kind)]
        for part, owner in (("problem", self.problem), ("algorithm", self.algorithm)):
            rows.append((part, owner.name))
            names: list[str] = [f.name for f in fields(owner) if f.init and f.repr] if is_dataclass(owner) else []
            for name in names:
                text = repr(getattr(owner, name))
                rows.append((f"{part}.{name}", text if len(text) <= 100 else f"{text[:97]}..."))
        return table_html(f"Experiment {self.name}".strip(), rows)

    @property
    def budget_unit(self) -> str:
        """``"evaluations"`` or the cost unit."""
        return "evaluations" if isinstance(self.budget, int) else next(iter(self.budget))

    @property
    def budget_amount(self) -> float:
        """How much of the unit may be spent."""
        return self.budget if isinstance(self.budget, int) else next(iter(self.budget.values()))


def check_budget(budget: int | Mapping[str, float], problem: Problem) -> None:
    """Refuse a budget that is empty or in a unit that the problem does not bound."""
    if isinstance(budget, bool) or not isinstance(budget, int | Mapping):
        raise QDError(f'Experiment.budget: got {budget!r}, wanted evaluations (int) or a cost like {{"steps": 1e6}}')
    if isinstance(budget, int):
        if budget < 1:
            raise QDError(f"Experiment.budget: got {budget} evaluations, wanted at least 1")
        return
    if len(budget) != 1:
        raise QDError(f"Experiment.budget: got {len(budget)} units, wanted exactly one, e.g. {{'steps': 1e6}}")
    unit, amount = next(iter(budget.items()))
    if unit not in problem.costs:
        raise QDError(f"Experiment.budget: {problem.name} does not bound the cost {unit!r}, "
                      f"{nearest(unit, problem.costs)}")  # fmt: skip
    if not amount >= problem.costs[unit]:
        raise QDError(f"Experiment.budget: {amount:g} {unit} do not pay for one evaluation, "
                      f"which may cost {problem.costs[unit]:g}")  # fmt: skip
