"""The trajectory analyser: what a trained reward paid for, how far learners came, why they failed, and what to edit.

It reads episodes of trained learners after the fact: what each term of the reward paid, whether the task was truly
solved, which stages were reached. What it suggests is data (``Edit``), which ``qd.rewards.edits.edited`` makes to a
program; a person may read it as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.edits import Edit
from qd.rewards.program import ProgramReward
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps

FAILURES = ("solved", "never left", "early death", "farming loop", "dead end", "time-out")
DOMINANT = 0.8  # a term with a larger share of what was paid is rescaled
REACHED = 0.8  # the first stage that fewer episodes reach gets a bonus
BONUS = 1.0  # its weight


@dataclass(frozen=True)
class TermReport:
    """What one term paid.

    Args:
        name: its formula.
        mean, variance: over steps.
        share: of the sum of all terms' absolute pay.
        success: correlation of its pay in an episode with true success; 0 where one of them is constant.
    """

    name: str
    mean: float
    variance: float
    share: float
    success: float


@dataclass(frozen=True)
class Analysis:
    """What is known of a reward after training.

    Args:
        terms: one report a term.
        stages: stage -> share of episodes that reached it, in the order given.
        furthest: (e,) stages reached by each episode, counted in order.
        failures: (e,) indices into FAILURES.
        loop: the state at which most farming episodes go round, -1 for none.
        edits: suggestions, the most urgent first.
    """

    terms: tuple[TermReport, ...]
    stages: Mapping[str, float]
    furthest: NDArray[np.int64]
    failures: NDArray[np.int64]
    loop: int
    edits: tuple[Edit, ...]

    def failure_shares(self) -> dict[str, float]:
        """Failure class -> share of the episodes."""
        return {name: float((self.failures == i).mean()) for i, name in enumerate(FAILURES)}


def analysed(
    form: RewardForm,
    solution: Any,
    steps: Steps,
    solved: NDArray[np.bool_],
    states: NDArray[np.int64],
    stages: Mapping[str, NDArray[np.bool_]],
    horizon: int,
    dead_end: NDArray[np.bool_] | None = None,
) -> Analysis:
    """Analyse e episodes of m steps in all.

    Args:
        form: of the reward.
        solution: the reward.
        steps: the episodes' steps, with ``offsets`` (e + 1,).
        solved: (e,) true success.
        states: (m,) number of the state after each step, by which loops are seen.
        stages: name -> (m,) whether the stage is reached after the step; in the order in which they come, and named
            by what a program would pay for them, e.g. ``"delta(has_key)"``.
        horizon: steps after which episodes are cut off.
        dead_end: (m,) from the state after the step success cannot be reached any more; None: not known.
    """
    if steps.offsets is None or len(steps.offsets) != len(solved) + 1 or steps.offsets[-1] != len(steps):
        raise QDError(f"analysed: steps.offsets must be ({len(solved) + 1},), from 0 to the {len(steps)} steps")
    if len(solved) == 0:
        raise QDError("analysed: got no episodes, wanted at least one")
    episodes = [slice(int(a), int(b)) for a, b in zip(steps.offsets[:-1], steps.offsets[1:], strict=True)]
    terms = _terms(form, solution, steps, episodes, np.asarray(solved, bool))
    reached = np.array([[bool(np.any(flag[part])) for flag in stages.values()] for part in episodes], bool)
    furthest = reached.reshape(len(solved), -1).cumprod(axis=1).sum(axis=1).astype(np.int64)
    failures = np.zeros(len(solved), np.int64)
    loops: Counter[int] = Counter()
    for i, part in enumerate(episodes):
        kind = _failure(steps, part, states, bool(solved[i]), horizon, dead_end)
        failures[i] = FAILURES.index(kind)
        if kind == "farming loop":
            loops.update([_loop(states[part])])
    shares = {name: float(reached[:, k].mean()) for k, name in enumerate(stages)}
    loop = min((-count, state) for state, count in loops.items())[1] if loops else -1
    edits = _suggested(form, terms, shares, failures, loop, steps, states, episodes)
    return Analysis(terms, shares, furthest, failures, loop, edits)


def _terms(
    form: RewardForm, solution: Any, steps: Steps, episodes: list[slice], solved: NDArray[np.bool_]
) -> tuple[TermReport, ...]:
    parts = {name: np.broadcast_to(part, len(steps)) for name, part in form.parts(solution, steps).items()}
    total = sum(float(np.abs(part).sum()) for part in parts.values())
    reports = []
    for name, part in parts.items():
        paid = np.array([part[episode].sum() for episode in episodes])
        spread = paid.std() * solved.std()
        correlation = float(((paid - paid.mean()) * (solved - solved.mean())).mean() / spread) if spread > 0 else 0.0
        share = float(np.abs(part).sum()) / total if total > 0 else 0.0
        reports.append(TermReport(name, float(part.mean()), float(part.var()), share, correlation))
    return tuple(reports)


def _failure(
    steps: Steps, part: slice, states: NDArray[np.int64], solved: bool, horizon: int, dead: NDArray[np.bool_] | None
) -> str:
    own = states[part]
    if solved:
        return "solved"
    if len(own) == 0 or len(np.unique(own)) == 1:
        return "never left"
    if len(own) < horizon and steps.ends[part][-1]:
        return "early death"
    if dead is not None and dead[part][-1]:
        return "dead end"
    last = own[len(own) // 2 :]
    if len(np.unique(last)) <= len(last) // 3:  # its second half goes over the same few states, three times and more
        return "farming loop"
    return "time-out"


def _loop(states: NDArray[np.int64]) -> int:
    """The state that the second half of an episode is most often in."""
    found, counts = np.unique(states[len(states) // 2 :], return_counts=True)
    return int(found[counts.argmax()])


def _suggested(
    form: RewardForm, terms: tuple[TermReport, ...], stages: Mapping[str, float], failures: NDArray[np.int64],
    loop: int,
    steps: Steps, states: NDArray[np.int64], episodes: list[slice],
) -> tuple[Edit, ...]:  # fmt: skip
    edits = []
    if loop >= 0:
        share = float((failures == FAILURES.index("farming loop")).mean())
        at = np.concatenate([np.arange(part.start, part.stop) for part in episodes])
        here = at[states[at] == loop]
        what = _paid_there(form, terms, steps, here)
        edits.append(Edit("penalty", what, 0.0, f"{100 * share:.0f} % of the episodes go round state {loop}"))
    for name, share in stages.items():
        if share < REACHED:
            edits.append(Edit("bonus", name, BONUS, f"{100 * share:.0f} % of the episodes reach it"))
            break
    for term in terms:
        if term.variance == 0 and len(terms) > 1:
            edits.append(Edit("drop", term.name, 0.0, f"it pays {term.mean:.3g} at every step"))
        elif term.share > DOMINANT and len(terms) > 1:
            edits.append(Edit("rescale", term.name, 0.5, f"{100 * term.share:.0f} % of all pay is its"))
    return tuple(edits)


def _paid_there(form: RewardForm, terms: tuple[TermReport, ...], steps: Steps, here: NDArray[np.int64]) -> str:
    """A step variable that is on where the loop is, the rarest elsewhere: what a penalty can be put on; else empty."""
    if not isinstance(form, ProgramReward):
        return ""
    best, found = 0.0, ""
    for variable in form.space.language.variables:
        if variable.about == "step":
            value = steps.column(variable.name)
            excess = float(value[here].mean() - value.mean())
            if excess > best:
                best, found = excess, variable.name
    return found
