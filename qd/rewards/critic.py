"""The critic: what is wrong with a reward, before any learner is trained with it. Cheap checks first.

A reward pays for the wrong thing in ways that show without a learner: it is not a number, it is constant, it pays for
standing still or for going round in a circle (farming), it pays less for success than for missing it. On tables the
circles are exact: a reward can be farmed where the greatest mean pay of any cycle of non-final steps is above a bound.
Every verdict carries its reason, which is stored with the failed evaluation.

Potential shaping with discount 1 adds nothing round any cycle, and so is never found to farm. With a discount below 1
and a potential below 0 standing still pays (1 - discount) |potential| a step: give ``cycle_bound`` that much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from qd.errors import QDError
from qd.ragged import Ragged, Solutions
from qd.rewards.cycles import greatest_mean_cycle
from qd.rewards.program import ProgramReward
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps, Variable
from qd.rng import generator

TOLERANCE = 1e-9
_UNKNOWN = 10.0  # how far random values of a variable without bounds go
CHECKS = ("syntax", "semantics", "numerics", "standing still", "cycle", "order", "progress", "duplicate")


class Table(Protocol):
    """A layout as plain arrays, as ``qd.learners.TableTask`` has them."""

    @property
    def next_state(self) -> NDArray[Any]:
        """(S, A) the state that an action leads to."""

    @property
    def ends(self) -> NDArray[np.bool_]:
        """(S, A) the episode ends with it."""

    @property
    def success(self) -> NDArray[np.bool_]:
        """(S, A) it is what the task asks for."""

    @property
    def all_steps(self) -> Steps:
        """All S * A steps, actions running fastest."""


class Verdict(NamedTuple):
    """The first check that a reward failed, and why; both empty where it passed all."""

    check: str = ""
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.check

    def __str__(self) -> str:
        return f"{self.check}: {self.reason}" if self.check else "passed"


@dataclass(frozen=True)
class Critic:
    """What a reward must not do. A frozen dataclass of bounds; ``judge`` gives a verdict a row.

    >>> from qd.rewards import Feature, Reward
    >>> reward = Reward((Feature("bump"),))
    >>> steps = Steps({"bump": np.array([0.0, 1.0])})
    >>> str(Critic().judge(reward, np.zeros((1, 1)), steps)[0])
    'numerics: it pays 0 at every one of 2 steps'
    """

    cap: float = 1e6
    """The most that a step may pay, or cost."""
    saturated: float = 0.95
    """A program may be cut off by its clip at no more than this share of the steps."""
    standing_still: float = 0.0
    """The most that a step may pay that changes no state and does not end the episode."""
    cycle_bound: float = 0.0
    """The greatest mean pay a step of any cycle of steps that do not end the episode."""
    success: float = 1.0
    """What true success is paid beside the reward."""
    order: float = 0.5
    """Of the states from which a step can succeed, the share where another step may pay more than succeeding."""
    progress: Mapping[str, int] = field(default_factory=dict)
    """State variables that tell progress: 1 where more of it is better, -1 where less is. A step that gains must not be
    paid less than the same step with less gain."""
    same_ranks: float = 0.999
    """Rewards whose ranks on the probe steps correlate above this are one."""
    samples: int = 2000
    """Random steps for the checks of numbers."""

    def __post_init__(self) -> None:
        for name in ("cap", "samples"):
            if not getattr(self, name) > 0:
                raise QDError(f"Critic.{name}: got {getattr(self, name)}, wanted a number above 0")
        for name in ("saturated", "order", "same_ranks"):
            if not 0 <= getattr(self, name) <= 1:
                raise QDError(f"Critic.{name}: got {getattr(self, name)}, wanted a share from 0 to 1")
        for name, sign in self.progress.items():
            if sign not in (-1, 1):
                raise QDError(f"Critic.progress[{name!r}]: got {sign}, wanted 1 or -1")

    def judge(
        self, form: RewardForm, solutions: Solutions, steps: Steps | None = None, tables: Sequence[Table] = ()
    ) -> list[Verdict]:
        """A verdict for each of n rewards.

        Args:
            form: of the rewards.
            solutions: n rows.
            steps: steps to judge numbers on, e.g. ``random_steps``; none: those of the first table.
            tables: layouts, for the checks of farming and order.
        """
        if steps is None:
            if not tables:
                raise QDError("Critic.judge: got neither steps nor tables; give random_steps(variables) or a layout")
            steps = tables[0].all_steps
        verdicts = [self._semantics(form, row) for row in _rows(solutions)]
        good = [i for i, verdict in enumerate(verdicts) if verdict.passed]
        if not good:
            return verdicts
        with np.errstate(all="ignore"):
            raw = _raw(form, solutions[good], steps)
            paid = [form.values(solutions[good], table.all_steps) for table in tables]
        for k, i in enumerate(good):
            verdict = self._numerics(raw[k], getattr(form, "clip", np.inf))
            for table, values in zip(tables, paid, strict=True):
                if verdict.passed:
                    verdict = self.farming(table, values[k])
                if verdict.passed:
                    verdict = self._order(table, values[k])
            if verdict.passed and self.progress:
                verdict = self._progress(form, solutions[i : i + 1], steps)
            verdicts[i] = verdict
        return verdicts

    def text(self, form: ProgramReward, text: str) -> tuple[NDArray[np.float64] | None, Verdict]:
        """The row of a program that came as text, and the verdict of the text alone."""
        try:
            return form.parse(text), Verdict()
        except QDError as error:
            return None, Verdict("syntax", str(error))

    def _semantics(self, form: RewardForm, row: NDArray[Any]) -> Verdict:
        space = form.space
        batch: Solutions = Ragged.from_rows([row], row.dtype) if space.length == -1 else row[None]
        inside = space.valid(batch)
        if inside is None or inside[0]:
            return Verdict()
        why = space.refusal(row) if isinstance(form, ProgramReward) else f"it lies outside {space!r}"  # type: ignore[attr-defined]
        return Verdict("semantics", why)

    def _numerics(self, values: NDArray[np.float64], clip: float) -> Verdict:
        """Finite, not constant, below the cap, not cut off nearly everywhere."""
        finite, m = np.isfinite(values), len(values)
        if not finite.all():
            return Verdict("numerics", f"it is not finite at {int((~finite).sum())} of {m} steps")
        if (values == values[0]).all():
            return Verdict("numerics", f"it pays {values[0]:.3g} at every one of {m} steps")
        most = float(np.abs(values).max())
        if most > self.cap:
            return Verdict("numerics", f"it pays {most:.3g} in a step, more than cap = {self.cap:g}")
        cut = float((np.abs(values) >= clip).mean())
        if cut > self.saturated:
            return Verdict("numerics", f"it is cut off at {clip:g} at {100 * cut:.0f} % of {m} steps")
        return Verdict()

    def farming(self, table: Table, values: NDArray[np.float64]) -> Verdict:
        """Whether (S * A,) pay can be had for ever: by standing still, or by going round."""
        reward = np.asarray(values, np.float64).reshape(table.next_state.shape)
        slack = TOLERANCE * max(1.0, float(np.abs(reward).max()))
        still = (table.next_state == np.arange(len(reward))[:, None]) & ~table.ends
        if still.any() and (most := float(reward[still].max())) > self.standing_still + slack:
            return Verdict("standing still", f"a step that changes nothing pays {most:.3g}")
        mean, cycle = greatest_mean_cycle(table.next_state, reward, ~table.ends)
        if mean > self.cycle_bound + slack:
            return Verdict("cycle", f"going round {len(cycle)} states for ever pays {mean:.3g} a step")
        return Verdict()

    def _order(self, table: Table, values: NDArray[np.float64]) -> Verdict:
        reward = values.reshape(table.next_state.shape)
        near = table.success.any(axis=1) & ~table.success.all(axis=1)
        if not near.any():
            return Verdict()
        best = np.where(table.success, reward + self.success, -np.inf)[near].max(axis=1)
        other = np.where(table.success, -np.inf, reward)[near].max(axis=1)
        share = float((best < other - TOLERANCE).mean())
        if share > self.order:
            return Verdict("order", f"in {100 * share:.0f} % of the states before success another step pays more")
        return Verdict()

    def _progress(self, form: RewardForm, solution: Solutions, steps: Steps) -> Verdict:
        base = form.values(solution, steps)[0]
        for name, sign in self.progress.items():
            value = steps.column(name)
            spread = float(value.std()) or 1.0
            better = Steps({**steps.after, name: value + sign * spread}, steps.before, steps.ends, steps.offsets)
            worse = float((form.values(solution, better)[0] < base - TOLERANCE).mean())
            if worse > 0.01:
                return Verdict(
                    "progress", f"a step that gains on {name!r} is paid less at {100 * worse:.0f} % of steps"
                )
        return Verdict()

    def duplicate(self, form: RewardForm, row: NDArray[Any], known: Solutions, steps: Steps) -> tuple[int, Verdict]:
        """The first of the known rewards that is the same, -1 for none: its result can be used again.

        Programs are the same where their canonical trees are; all rewards, where their ranks on the steps are.
        """
        if len(known) == 0:
            return -1, Verdict()
        if isinstance(form, ProgramReward):
            key = form.space.canonical(row).tobytes()
            for i, other in enumerate(known):
                if form.space.canonical(other).tobytes() == key:
                    return i, Verdict("duplicate", f"the same tree as known program {i}")
        own: Solutions = Ragged.from_rows([row], row.dtype) if form.space.length == -1 else row[None]
        with np.errstate(all="ignore"):
            mine, theirs = form.values(own, steps)[0], form.values(known, steps)
        correlation = np.array([rank_correlation(mine, other) for other in theirs])
        alike = np.flatnonzero(correlation > self.same_ranks)
        if len(alike):
            i = int(alike[0])
            return i, Verdict("duplicate", f"ranks correlate by {correlation[i]:.4f} with known reward {i}")
        return -1, Verdict()


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's; 0 where one is constant or not finite."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0
    x, y = rankdata(a), rankdata(b)
    spread = x.std() * y.std()
    return float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else 0.0


def random_steps(variables: Sequence[Variable], m: int = 2000, seed: int = 0) -> Steps:
    """m steps whose variables are drawn evenly from their ranges, each by itself: what is known without a task."""
    rng = generator(seed, "random steps")
    after, before = dict[str, NDArray[np.float64]](), dict[str, NDArray[np.float64]]()
    for variable in variables:
        if variable.kind == "text":
            continue
        low = variable.low if np.isfinite(variable.low) else -_UNKNOWN
        high = variable.high if np.isfinite(variable.high) else max(low, 0.0) + _UNKNOWN
        for values in (after, before) if variable.about == "state" else (after,):
            drawn = rng.uniform(low, high, m)
            values[variable.name] = np.round(rng.random(m)) if variable.kind == "flag" else drawn
    if not after:
        raise QDError("random_steps: got no variable that is a number or a flag")
    return Steps(after, before)


def _raw(form: RewardForm, solutions: Solutions, steps: Steps) -> NDArray[np.float64]:
    """Before a program's clip, which would hide what is infinite."""
    return form.space.values(solutions, steps) if isinstance(form, ProgramReward) else form.values(solutions, steps)


def _rows(solutions: Solutions) -> list[NDArray[Any]]:
    return [np.asarray(row) for row in solutions]
