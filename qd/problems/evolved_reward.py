"""Evolve what to reward, judge by what is true: the outer problem of optimal rewards.

Singh, Lewis and Barto 2009 (where do rewards come from); Niekum, Barto and Spector 2010 (reward programs).
A solution is a reward. Learners are trained with it from nothing, on several layouts and seeds, and it is judged by
their **true** success while they learn: the reward never enters its own objective, and the true success never enters
the reward but by ``sparse``, which all rewards share.

    objective = area under the curve of true success + 1e-3 earliness of the first success + 1e-6 coverage

so that a reward whose learners fail alike is still told from one whose learners at least get about: where nothing
succeeds an outer search would see noise. What counts is the first summand, which is the column ``area``.

Purposes: ``search`` and ``validate`` train on the search layouts, ``select`` on the same with fresh seeds, more of
them, and ``test`` on layouts that no search has seen. ``qd.algorithms.Selected`` makes the last two requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from qd.contracts import CELL, Evaluation, Problem, Request, Status
from qd.errors import QDError, nearest
from qd.learners.learner import CURVE_POINTS, Learned, Learner
from qd.learners.q_learning import QLearning
from qd.learners.table_task import LayoutTask
from qd.learners.task import Task
from qd.problems._reward_analysis import ANALYSIS, analysis, happenings, widths
from qd.ragged import Ragged, Solutions
from qd.replay import Words
from qd.rewards.critic import Critic
from qd.rewards.reward import RewardForm
from qd.rng import derived_seeds
from qd.space import Measures, Space

HELD_OUT = 1_000_000  # the number of the first layout that is held out
_COLUMNS = {
    "area": "area under the curve of true success, from 0 to 1: what results report",
    "final": "true success of the trained policies",
    "curve": f"true success at {CURVE_POINTS} equal distances in training",
    "curve_interval": "half the width of its 95 % interval over layouts and seeds",
    "correlation": "rank correlation of shaped and true return over training episodes",
    "farming": "share of the best paid tenth of training episodes that did not succeed",
    "held_out_success": "true success of the trained policies on held-out layouts; NaN for other purposes",
    "second_learner": "the same, trained by the second learner; NaN where there is none",
}


@dataclass(frozen=True)
class EvolvedReward(Problem):
    """Rewards for a family of layouts, judged by the true success of what they teach.

    >>> from qd.learners import KeyDoor
    >>> from qd.rewards import Feature, Reward
    >>> problem = EvolvedReward(KeyDoor(), Reward((Feature("toward_key"), Feature("bump"))))
    >>> problem.space().length
    2
    """

    task: Task
    """The family of layouts."""
    reward: RewardForm
    """What a reward is made of; its genes are the solution."""
    learner: Learner = field(default_factory=QLearning)
    """Who is trained with it."""
    layouts: int = 3
    """Search layouts."""
    seeds: int = 2
    """Learners on each of them."""
    select_seeds: int = 8
    """Learners on each search layout when the best are evaluated anew."""
    held_out: int = 12
    """Layouts of the test."""
    test_seeds: int = 8
    """Learners on each of those."""
    sparse: float = 1.0
    """What true success is paid, beside the reward."""
    second: Learner | None = None
    """Another learner that the test trains too: does the reward teach it as well?"""
    limit: float = 1e6
    """A reward that pays more than this in a step is refused."""
    critic: Critic | None = None
    """Judges rewards on the first search layout, whatever the purpose: what it rejects is trained by nobody."""

    fidelities = MappingProxyType({"steps": "environment steps of an inner learner; a share of the full number"})
    test_columns = ("curve", "curve_interval")
    test_metrics = ("held_out_success", "area", "second_learner", "correlation", "farming")
    measure_space = Measures(("episode length", "places reached"), (0.0, 0.0), (1.0, 1.0), dims=(20, 40))
    batching = "rows"
    releases_gil = True
    chunk_size = 16  # cells

    def __post_init__(self) -> None:
        for name in ("layouts", "seeds", "select_seeds", "held_out", "test_seeds"):
            if getattr(self, name) < 1:
                raise QDError(f"EvolvedReward.{name}: got {getattr(self, name)}, wanted at least 1")
        if self.layouts > HELD_OUT:
            raise QDError(f"EvolvedReward.layouts: got {self.layouts}, wanted at most {HELD_OUT}")
        for name in ("learner", "second"):
            learner = getattr(self, name)
            if learner is not None and not isinstance(self.task, learner.learns):
                raise QDError(f"EvolvedReward.{name}: {type(learner).__name__} learns a {learner.learns.__name__}, and "
                              f"{type(self.task).__name__} is none; take one that learns it, such as "
                              "qd.learners.PolicySearch")  # fmt: skip
        known = [variable.name for variable in self.task.variables]
        for name in self.reward.needs:
            if name not in known and name != "visits":
                raise QDError(f"EvolvedReward.reward: {type(self.task).__name__} has no variable {name!r}, "
                              f"{nearest(name, known)}")  # fmt: skip
        if self.critic is not None:
            if not isinstance(self.task, LayoutTask):
                raise QDError(f"EvolvedReward.critic: it reads tables, and {type(self.task).__name__} is none")
            for name in self.critic.progress:
                if name not in known:
                    raise QDError(f"EvolvedReward.critic: {type(self.task).__name__} has no variable {name!r} to be "
                                  f"progress, {nearest(name, known)}")  # fmt: skip
        for number in (*range(self.layouts), *range(HELD_OUT, HELD_OUT + self.held_out)):
            self.task.solvable(number)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """The reward's."""
        return self.reward.space

    @cached_property
    def columns(self) -> dict[str, str]:  # type: ignore[override]
        """Of tables also what the trained policies did, which is worked out where it is asked for."""
        return _COLUMNS | (ANALYSIS if isinstance(self.task, LayoutTask) else {})

    @property
    def stages(self) -> tuple[str, ...]:
        """Before success, in the order of the column ``reached``."""
        return self.task.stages if isinstance(self.task, LayoutTask) else ()

    @property
    def happenings(self) -> tuple[str, ...]:
        """The variables of the column ``happened``."""
        return happenings(self.task) if isinstance(self.task, LayoutTask) else ()

    @cached_property
    def start(self) -> Any:
        """(1, d) the reward that a person would begin with: the test shows it beside the winner."""
        return self.reward.start()

    @cached_property
    def costs(self) -> dict[str, float]:  # type: ignore[override]
        """Environment steps of a search evaluation, testing of the policies included."""
        return {"steps": float(self._cells("search") * self.learner.most_steps(self.task, self.learner.steps))}

    def cells_of(self, request: Request) -> int:
        """Learners of one evaluation: (layout, seed) each."""
        return self._cells(request.purpose)

    def gather(self, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        rows = super().gather(columns)
        if "curve_interval" in columns:
            rows["curve_interval"] = _half_interval(columns["curve_interval"])
        return rows

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        steps = np.broadcast_to(request.fidelity.get("steps", self.learner.steps), (len(request),))
        most = np.array([self.learner.most_steps(self.task, int(budget)) for budget in steps], np.float64)
        if request.purpose == "test" and self.second is not None:
            most += self.second.most_steps(self.task, self.second.steps)
        return {"steps": most * self._cells(request.purpose) * request.repeats}

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        n, test = len(request), request.purpose == "test"
        same = _first_alike(request.solutions)  # cells of a row come with the same reward
        refused = self._refused(request.solutions[np.unique(same)], test)
        first = {int(row): i for i, row in enumerate(np.unique(same))}
        reasons = {row: refused[first[int(same[row])]] for row in range(n) if first[int(same[row])] in refused}
        good = np.array([row for row in range(n) if row not in reasons], np.int64)
        result = Evaluation(
            np.full(n, np.nan),
            np.full((n, 2), np.nan),
            np.array([Status.INVALID if row in reasons else Status.OK for row in range(n)], np.int8),
            columns={name: np.full((n, CURVE_POINTS) if name in self.test_columns else n, np.nan) for name in _COLUMNS},
            cost={"steps": np.zeros(n)},
            reasons=reasons,
        )
        analysed = self._analysed(request)
        if analysed is not None:
            result.columns |= {name: np.full((n, width), np.nan) for name, width in widths(analysed).items()}
        steps = np.broadcast_to(request.fidelity.get("steps", self.learner.steps), (n,))
        for budget in np.unique(steps[good]):
            rows = good[steps[good] == budget]
            learned, cells = self._trained(self.learner, request, rows, seeds, int(budget))
            self._fill(result, rows, learned, int(budget), test)
            if analysed is not None:
                for name, values in analysis(analysed, self.reward, *cells, learned).items():
                    result.columns[name][rows] = values.reshape(len(rows), -1, values.shape[1]).mean(axis=1)
        if test and self.second is not None and len(good):
            again, _ = self._trained(self.second, request, good, seeds, self.second.steps)
            result.columns["second_learner"][good] = again.final.reshape(len(good), -1).mean(axis=1)
            result.cost["steps"][good] += again.steps.reshape(len(good), -1).sum(axis=1)
        return result

    def sketch(self, solution: NDArray[Any], seed: int) -> dict[str, Any]:
        """The first layout, and the way through it of one policy trained with the reward."""
        (scene, path, _), _, _ = self._ways(solution, seed, 1)[0]
        return {**scene, "lines": [*scene.get("lines", []), path]}

    def replay(self, solution: NDArray[Any], seed: int) -> Words:
        """The reward as a formula; ``sketch`` shows what it teaches."""
        return Words((("reward\n", "title"), (self.reward.formula(np.asarray(solution)), "")))

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure: the formula, what each term paid, ways of trained policies, and their success."""
        from qd.problems._evolved_reward_figure import figure

        ways = self._ways(solution, seed, min(3, self.layouts))
        paid: dict[str, float] = {}
        for _, shares, _ in ways:
            for name, share in shares.items():
                paid[name] = paid.get(name, 0.0) + share / len(ways)
        success = np.mean([curve for _, _, curve in ways], axis=0)
        at = self.learner.steps * np.arange(1, CURVE_POINTS + 1) / CURVE_POINTS
        return figure(self.reward.formula(solution), paid, [way for way, _, _ in ways], (at, success))

    def _ways(self, solution: NDArray[Any], seed: int, count: int) -> list[tuple[Any, dict[str, float], Any]]:
        """Of a policy on each of the first layouts: (scene, places, title), what each term paid a step, its curve."""
        self.task.drawn(0, np.zeros(1, np.int32))  # a task without pictures says so before a learner is trained
        layouts = np.arange(count)
        seeds = np.array([derived_seeds(np.array([seed], np.uint64), k)[0] for k in range(count)])
        learned = self.learner.train(self.task, self.reward, np.asarray(solution)[None], np.zeros(count, np.int64),
                                     layouts, seeds, self.sparse, self.learner.steps)  # fmt: skip
        found = []
        for number in layouts:
            path = learned.paths[number]
            path = path[path >= 0]
            scene, places = self.task.drawn(int(number), path)
            shares, length = {}, len(places) - 1
            if isinstance(self.task, LayoutTask):
                table = self.task.layout(int(number))
                steps = table.steps_of(path)
                parts = self.reward.parts(solution, table.all_steps)
                shares = {name: float(np.asarray(part)[steps].mean()) for name, part in parts.items()}
            solved = f"solved in {length} steps" if learned.final[number] else f"not solved in {length} steps"
            found.append(((scene, places, f"layout {number}\n{solved}"), shares, learned.curve[number]))
        return found

    def _cells(self, purpose: str) -> int:
        """Learners of one evaluation."""
        layouts = self.held_out if purpose == "test" else self.layouts
        return layouts * {"test": self.test_seeds, "select": self.select_seeds}.get(purpose, self.seeds)

    def _refused(self, solutions: Solutions, test: bool) -> dict[int, str]:
        """Row -> why its reward is not worth a step of training: it is not finite, or beyond all bounds."""
        probe = self.task.probe(HELD_OUT if test else 0)
        with np.errstate(all="ignore"):
            paid = self.reward.values(solutions, probe)
        reasons = {}
        for row in range(len(solutions)):
            wrong = ~np.isfinite(paid[row])
            if wrong.any():
                reasons[row] = f"the reward is not finite on {int(wrong.sum())} of {paid.shape[1]} steps"
            elif (most := np.abs(paid[row]).max()) > self.limit:
                reasons[row] = f"the reward pays {most:.3g} in a step, more than limit = {self.limit:g}"
        left = np.array([row for row in range(len(solutions)) if row not in reasons], np.int64)
        if self.critic is not None and len(left) and isinstance(self.task, LayoutTask):
            table = self.task.layout(0)
            judged = self.critic.judge(self.reward, solutions[left], table, self.learner.discount, self.sparse)
            reasons.update({int(row): reason for row, reason in zip(left, judged, strict=True) if reason is not None})
        return reasons

    def _trained(
        self, learner: Learner, request: Request, rows: NDArray[np.int64], seeds: NDArray[np.uint64], steps: int
    ) -> tuple[Learned, tuple[Solutions, NDArray[np.int64], NDArray[np.int64]]]:
        """All cells of the rows, a row's cells together: layout after layout, seed after seed.

        And what the cells were: the different rewards, (c,) the reward of each, (c,) the layout of each.
        """
        n, test = len(rows), request.purpose == "test"
        numbers = np.arange(self.held_out) + HELD_OUT if test else np.arange(self.layouts)
        each = self._cells(request.purpose)
        if CELL in request.fidelity:
            which, cell = np.arange(n), np.asarray(request.fidelity[CELL], np.int64)[rows]
        else:
            which, cell = np.repeat(np.arange(n), each), np.tile(np.arange(each), n)
        layouts = numbers[cell // (each // len(numbers))]
        own = seeds[rows][which]
        for k in np.unique(cell):
            own[cell == k] = derived_seeds(own[cell == k], int(k))
        alike, which = np.unique(_first_alike(request.solutions)[rows][which], return_inverse=True)
        rewards = request.solutions[alike]
        which = which.reshape(-1)
        learned = learner.train(self.task, self.reward, rewards, which, layouts, own, self.sparse, steps)
        return learned, (rewards, which, layouts)

    def _analysed(self, request: Request) -> LayoutTask | None:
        """The task, where it is one of tables and the request asks what policies did."""
        if isinstance(self.task, LayoutTask) and not ANALYSIS.keys().isdisjoint(request.columns):
            return self.task
        return None

    def _fill(self, result: Evaluation, rows: NDArray[np.int64], learned: Learned, steps: int, test: bool) -> None:
        def mean(values: NDArray[Any]) -> NDArray[np.float64]:
            return np.asarray(values.reshape(len(rows), -1).mean(axis=1), np.float64)

        area = mean(learned.curve)
        earliness = mean(1.0 - learned.first / (steps + 1))
        result.objective[rows] = area + 1e-3 * earliness + 1e-6 * mean(learned.coverage)
        result.measures[rows] = np.stack([mean(learned.length), mean(learned.reach)], axis=1)
        result.columns["area"][rows] = area
        result.columns["final"][rows] = mean(learned.final)
        curves = learned.curve.reshape(len(rows), -1, CURVE_POINTS)  # (n, cells, T)
        result.columns["curve"][rows] = curves.mean(axis=1)
        # Of one cell it is the curve itself, from which gather makes the interval.
        result.columns["curve_interval"][rows] = curves[:, 0] if curves.shape[1] == 1 else _half_interval(curves)
        result.columns["correlation"][rows] = mean(learned.correlation)
        result.columns["farming"][rows] = mean(np.nan_to_num(learned.farming, nan=1.0))
        if test:
            result.columns["held_out_success"][rows] = mean(learned.final)
        result.cost["steps"][rows] = learned.steps.reshape(len(rows), -1).sum(axis=1)
        for row in rows[~learned.ok.reshape(len(rows), -1).all(axis=1)]:
            result.status[row] = Status.FAILED
            result.reasons[int(row)] = "the learner diverged: its numbers are not finite; lower its rate or the reward"


def _first_alike(solutions: Solutions) -> NDArray[np.int64]:
    """(n,) of each row the first one that is the same to the byte."""
    first: dict[bytes, int] = {}
    rows = solutions if isinstance(solutions, Ragged) else np.ascontiguousarray(solutions)
    return np.array([first.setdefault(np.asarray(row).tobytes(), i) for i, row in enumerate(rows)], np.int64)


def _half_interval(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, k, T) curves of cells to (n, T) half the width of the 95 % interval of their mean."""
    k = curves.shape[1]
    if k < 2:
        return np.full((len(curves), curves.shape[2]), np.nan)
    return np.asarray(stdtrit(k - 1, 0.975) * curves.std(axis=1, ddof=1) / np.sqrt(k))
