"""A critic of rewards: what can be known to be wrong with a reward before a learner is trained with it.

Checks run from cheap to costly; the first that fails gives the reason. They look at steps of one layout:

1. ``numerics``: values on a sample of steps are finite, not beyond ``cap``, not mostly at it, and not zero everywhere.
2. ``farming``: (a) standing still, or (b) going round in circles, earns more than the task's success.
3. ``success``: where success is one step away, going on for ever earns more than taking it.
4. ``progress``: steps that raise a variable that you declared to be progress are paid less than steps that lower it.

**What farming is.** With discount 1 the measure of (b) is the maximum mean pay of a cycle, and that of (a) the pay of a
step that changes nothing. With a discount g below 1 these would be wrong: shaping by a potential, g Phi(s') - Phi(s),
pays (g - 1) Phi(s) for standing still, which is positive where Phi is negative, and mean pay over a loop of as much;
yet it changes no optimal policy (Ng, Harada and Russell 1999). So what is compared is

    (1 - g) (V_loop(s) - V_success(s)),

the best discounted return from s of never ending, against the best one of succeeding within the horizon, what success
is paid included. Both contain the same -Phi(s), so a potential has no part in it, whatever else is paid; and as g tends
to 1 it tends to the undiscounted measures. **Shaping by a potential with the learner's discount is never rejected** by
2 and 3, and cannot rescue what they reject. The one potential that is refused is that of zero everywhere, by 1.

The critic never sees what a reward taught: it reads the reward, the task's tables, and what success is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from qd.errors import QDError
from qd.ragged import Solutions
from qd.rewards.cycles import endless_values, finishing_values, maximum_mean_cycles, null_steps, reachable
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps
from qd.rng import generator

ROUNDING = 1e-8  # of the largest pay: differences below it are none


class Table(Protocol):
    """A finite task: ``qd.learners.TableTask`` is one. Shapes: S states, A actions."""

    @property
    def next_state(self) -> NDArray[np.int32]: ...  # (S, A)
    @property
    def ends(self) -> NDArray[np.bool_]: ...  # (S, A)
    @property
    def success(self) -> NDArray[np.bool_]: ...  # (S, A)
    @property
    def start(self) -> int: ...
    @property
    def horizon(self) -> int: ...
    @property
    def all_steps(self) -> Steps: ...  # S * A of them


@dataclass(frozen=True)
class Critic:
    """What is asked of a reward before it is worth a learner.

    >>> from qd.learners import KeyDoor
    >>> from qd.rewards import Feature, Reward
    >>> reward = Reward((Feature("step"), Feature("toward_key")))
    >>> pays_for_time = reward.solution({"step.weight": 1.0})
    >>> Critic().judge(reward, pays_for_time[None], KeyDoor().layout(0))[0][:31]
    'farming: standing still is paid'
    """

    samples: int = 2000
    """Random steps that the cheap checks look at first."""
    cap: float = 1e6
    """No step may be paid more than this, nor less than minus this."""
    saturated: float = 0.95
    """The largest share of steps that may be paid the cap: a program that is clipped there says nothing."""
    standing: bool = True
    """Check (a): standing still."""
    bound: float | None = 0.0
    """Check (b): how much more a step than success a loop may earn; None: not checked."""
    success: bool = True
    """Check that success is not worth less than putting it off."""
    progress: tuple[str, ...] = ()
    """State variables of which more is better. None by default, since deceptive tasks have few that are."""

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise QDError(f"Critic.samples: got {self.samples}, wanted at least 2")
        if not self.cap > 0:
            raise QDError(f"Critic.cap: got {self.cap}, wanted above 0")
        if not 0 < self.saturated <= 1:
            raise QDError(f"Critic.saturated: got {self.saturated}, wanted a share above 0, up to 1")
        if self.bound is not None and not np.isfinite(self.bound):
            raise QDError(f"Critic.bound: got {self.bound}, wanted a number, or None for no check")

    def judge(
        self, reward: RewardForm, solutions: Solutions, table: Table, discount: float = 0.98, sparse: float = 1.0
    ) -> list[str | None]:
        """Of each of n rewards why it is rejected, None where it is not. A reward's verdict depends on it alone.

        Args:
            reward: the form of the rewards.
            solutions: n of them.
            table: the layout that they are judged on.
            discount: the learner's.
            sparse: what success is paid beside the reward.

        Raises:
            QDError: a discount that is none, a reward of whole episodes, a progress variable that is missing.
        """
        if not 0 < discount <= 1:
            raise QDError(f"Critic.judge: discount is {discount}, wanted above 0, up to 1: the learner's")
        if reward.kind == "episode":
            raise QDError("Critic.judge: the reward is of whole episodes; a critic of steps cannot read it")
        reasons: list[str | None] = [None] * len(solutions)
        rows, steps = np.arange(len(solutions)), table.all_steps
        if len(steps) > self.samples:
            chosen = generator(0, "critic: sample of steps").choice(len(steps), self.samples, replace=False)
            sample = _paid(reward, solutions, steps.take(np.sort(chosen)))
            rows, _ = _sift(reasons, rows, sample, self._numerics(sample))
        if not len(rows):
            return reasons
        paid = _paid(reward, solutions[rows], steps)
        rows, paid = _sift(reasons, rows, paid, self._numerics(paid))
        been = reachable(table.next_state, table.ends, table.start)
        rows, paid = _sift(reasons, rows, paid, _empty(paid[:, np.repeat(been, table.next_state.shape[1])]))
        paid = paid.reshape(len(rows), *table.next_state.shape)  # (k, S, A)
        rows, paid = _sift(reasons, rows, paid, self._progress(paid, steps))
        if len(rows) and (self.standing or self.success or self.bound is not None):
            _sift(reasons, rows, paid, self._farming(paid, table, been, discount, sparse))
        return reasons

    def _numerics(self, paid: NDArray[np.float64]) -> list[str | None]:
        """Of (k, m) pay."""
        found: list[str | None] = []
        for values in paid:
            wrong, most = ~np.isfinite(values), np.abs(values).max()
            at_cap = np.mean(np.abs(values) >= self.cap * (1 - 1e-9))
            if wrong.any():
                found.append(f"numerics: the reward is not finite on {int(wrong.sum())} of {len(values)} steps")
            elif most > self.cap:
                found.append(f"numerics: the reward pays {most:.3g} in a step, more than cap = {self.cap:g}")
            elif at_cap > self.saturated:
                found.append(f"numerics: {at_cap:.0%} of steps are paid the cap {self.cap:g}, more than saturated = "
                             f"{self.saturated:g}")  # fmt: skip
            else:
                found.append(None)
        return found

    def _progress(self, paid: NDArray[np.float64], steps: Steps) -> list[str | None]:
        """Of (k, S, A) pay: does it rise with the variables that are progress?"""
        found: list[str | None] = [None] * len(paid)
        for name in self.progress:
            after, before = steps.column(name), steps.earlier(name)
            if before is None:
                raise QDError(f"Critic.progress: {name!r} has no value before a step; take a state variable")
            up, down = after > before, (after < before) & ~steps.ends
            if not up.any() or not down.any():
                continue
            for row, values in enumerate(paid.reshape(len(paid), len(steps))):
                raising, lowering = values[up].mean(), values[down].mean()
                if raising < lowering - ROUNDING * np.abs(values).max() and found[row] is None:
                    found[row] = (f"progress: steps that raise {name} are paid {raising:.3g} on average, steps that "
                                  f"lower it {lowering:.3g}")  # fmt: skip
        return found

    def _farming(
        self, paid: NDArray[np.float64], table: Table, been: NDArray[np.bool_], discount: float, sparse: float
    ) -> list[str | None]:
        """Of (k, S, A) pay: standing still, loops, and putting off success; see the module."""
        next_state, ends, success = table.next_state, table.ends, table.success
        whole = paid + sparse * success
        slack = ROUNDING * (np.abs(paid).max(axis=(1, 2)) + abs(sparse))  # (k,)
        finishing = np.zeros(paid.shape[:2])  # (k, S) a step, as all below; 0 with discount 1
        if discount < 1:
            finishing = finishing_values(next_state, ends, success, whole, discount, table.horizon) * (1 - discount)
        judged = been & np.isfinite(finishing).all(axis=0)  # where success is out of reach, nothing is better
        finishing = np.where(judged, finishing, 0.0)
        still = np.where(null_steps(next_state, ends), paid, -np.inf).max(axis=2)
        if discount == 1:
            loops = maximum_mean_cycles(next_state, ends, paid, table.start)[:, None] * np.ones((1, len(been)))
        else:
            loops = (1 - discount) * endless_values(next_state, ends, paid, discount)
        near = been & success.any(axis=1) & (discount < 1)  # with discount 1 putting it off is a loop, and judged above
        taken = np.where(near, (1 - discount) * np.where(success, whole, -1e300).max(axis=2), 0.0)
        found: list[str | None] = []
        for row in range(len(paid)):
            idle = _worst(still[row] - finishing[row], judged)
            late = _worst(loops[row] - taken[row], near)
            loop, rest = loops[row, table.start], finishing[row, table.start]
            more = loop - rest if judged[table.start] else -np.inf
            if self.standing and idle is not None and still[row, idle] - finishing[row, idle] > slack[row]:
                found.append(f"farming: standing still is paid {still[row, idle]:.3g} a step in state {idle}, going on "
                             f"to success is worth {finishing[row, idle]:.3g} a step")  # fmt: skip
            elif self.bound is not None and more > self.bound + slack[row]:
                found.append(f"farming: going round for ever is worth {loop:.3g} a step, going on to success "
                             f"{rest:.3g}; bound = {self.bound:g}")  # fmt: skip
            elif self.success and late is not None and loops[row, late] - taken[row, late] > slack[row]:
                found.append(f"success: in state {late} it is one step away and worth {taken[row, late]:.3g} a step, "
                             f"putting it off for ever {loops[row, late]:.3g}")  # fmt: skip
            else:
                found.append(None)
        return found


def _worst(excess: NDArray[np.float64], where: NDArray[np.bool_]) -> int | None:
    """The state with the most, of those there are; None where there are none."""
    excess = np.where(where, excess, -np.inf)
    return int(excess.argmax()) if excess.max() > -np.inf else None


def probe(paid: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) pay on m probe steps to (n, 2 m) ranks with mean 0 and norm 1; 0 where nothing is paid.

    The product of two of them is Spearman's rank correlation of the rewards, each beside as many steps that are paid
    nothing: the order alone would not tell a reward from the same with a price, or a gift, for every step.
    """
    ranks = np.asarray(rankdata(np.concatenate([paid, np.zeros_like(paid)], axis=1), axis=1), np.float64)
    ranks -= ranks.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0)


def duplicates(known: NDArray[np.float64], probed: NDArray[np.float64], above: float = 0.999) -> NDArray[np.int64]:
    """(n,) of each reward the first one that pays alike, -1 where there is none.

    Numbers below k are rows of ``known``, k + i is the i-th of ``probed`` itself, which came before it and is no
    duplicate. The caller keeps ``known``: append the rows that are no duplicates.

    Args:
        known: (k, 2 m) ``probe`` of rewards that were judged; may be empty.
        probed: (n, 2 m) ``probe`` of new ones.
        above: the rank correlation above which two are the same.
    """
    same = np.full(len(probed), -1, np.int64)
    for row, ranks in enumerate(probed):
        like = np.flatnonzero(np.concatenate([known @ ranks, probed[:row] @ ranks]) > above)
        like = like[(like < len(known)) | (same[np.maximum(like - len(known), 0)] < 0)]
        if len(like):
            same[row] = like[0]
    return same


def _paid(reward: RewardForm, solutions: Solutions, steps: Steps) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        return np.asarray(reward.values(solutions, steps), np.float64)


def _empty(paid: NDArray[np.float64]) -> list[str | None]:
    """Of (k, m) pay. One that is the same everywhere but not zero is something: the price, or the gift, of time."""
    return ["numerics: no step is paid anything" if not values.any() else None for values in paid]


def _sift(
    reasons: list[str | None], rows: NDArray[np.int64], paid: NDArray[np.float64], found: list[str | None]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Write down what was found; the rows, and their pay, that are still open."""
    for row, reason in zip(rows, found, strict=True):
        reasons[row] = reason
    kept = np.array([reason is None for reason in found], bool)
    return rows[kept], paid[kept]
