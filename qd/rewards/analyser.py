"""What went wrong with a reward, read off the episodes of a policy that it taught; and edits that might mend it.

Plain arrays in, data out: what each part of the reward was worth in the steps that were made, how that went with true
success, how far every episode came, and how it failed. An ``Edit`` names a gene and what to do with its weight;
``edited`` carries it out on the genome of a ``Reward``. Trajectory analysis as mutation follows Auto MC-Reward (Li et
al. 2024), where a language model reads the episodes; here rules do.

Analyse training or search episodes only: what they say goes back into the reward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.rewards.gene import gene_values
from qd.rewards.reward import Reward

Failure = Literal["success", "never left the start", "farming loop", "dead end", "early end", "time-out"]
EditKind = Literal["drop", "rescale", "bonus", "penalty"]
FAILURES: tuple[Failure, ...] = get_args(Failure)
LOOPS: tuple[Failure, ...] = ("farming loop", "never left the start")
LOOP = 0.5  # an episode that spends more than this share of its second half in places it knew is a loop


@dataclass(frozen=True)
class Part:
    """One part of a reward in the steps that were made.

    Args:
        mean, variance: of what it added, over steps.
        share: of the sum of all parts' absolute values.
        correlation: of its sum over an episode with the episode's true success; 0 where one is constant.
    """

    mean: float
    variance: float
    share: float
    correlation: float


@dataclass(frozen=True)
class Edit:
    """A change of one weight.

    Args:
        kind: ``"drop"``: to 0; ``"rescale"``: to ``amount`` times itself; ``"bonus"``: ``amount`` more, where it is
            below that; ``"penalty"``: ``amount`` less, where it is above minus that.
        part: of which part; of a bonus or a penalty the variable that one wants paid.
        amount: see ``kind``.
        why: a sentence.
    """

    kind: EditKind
    part: str
    amount: float
    why: str


@dataclass(frozen=True)
class Analysis:
    """What e episodes say about a reward.

    Args:
        parts: of each part of the reward.
        stages: names, in order, ``success`` the last.
        reached: (e, stages) whether an episode came there.
        failures: (e,) how each went.
        loop: the states of the commonest loop among episodes that ended in one, empty where none did.
        edits: what to try, the surest first.
    """

    parts: Mapping[str, Part]
    stages: tuple[str, ...]
    reached: NDArray[np.bool_]
    failures: tuple[Failure, ...]
    loop: tuple[int, ...]
    edits: tuple[Edit, ...]

    @property
    def shares(self) -> dict[str, float]:
        """Failure -> share of the episodes."""
        return {name: self.failures.count(name) / len(self.failures) for name in dict.fromkeys(self.failures)}


def analysed(
    paths: Sequence[NDArray[np.integer]],
    parts: Mapping[str, Sequence[NDArray[np.float64]]],
    success: NDArray[np.bool_],
    horizon: int,
    stages: Mapping[str, NDArray[np.bool_]],
    hopeless: NDArray[np.bool_] | None = None,
    bonuses: Mapping[str, str] | None = None,
    happenings: Mapping[str, Sequence[NDArray[np.float64]]] | None = None,
) -> Analysis:
    """Analyse e episodes of a policy.

    Args:
        paths: e arrays (t + 1,) of states, of episodes of t steps.
        parts: part of the reward -> e arrays (t,) of what it added in each step, weights included.
        success: (e,) whether the task was done: true, not paid.
        horizon: steps after which episodes are cut off.
        stages: stage before success, in order -> (S,) or (e,) flags: of states, or whether an episode came to it.
        hopeless: (S,) states from which success cannot be reached any more.
        bonuses: stage -> the part of the reward that pays for it, for edits; the stage's own name by default.
        happenings: variable -> e arrays (t,) of step variables that a penalty could be put on; the parts by default.

    Raises:
        QDError: no episodes, or arrays that do not fit each other.
    """
    e = len(paths)
    success = np.asarray(success, bool)
    if e == 0 or success.shape != (e,):
        raise QDError(f"analysed: got {e} paths and success of shape {success.shape}, wanted one an episode, and some")
    for name, values in parts.items():
        if [len(value) for value in values] != [len(path) - 1 for path in paths]:
            raise QDError(f"analysed.parts[{name!r}]: wanted a value a step of each of the {e} episodes")
    reached = np.zeros((e, len(stages) + 1), bool)
    for column, (name, flags) in enumerate(stages.items()):
        flags = np.asarray(flags, bool)
        if any(int(path.max()) >= len(flags) for path in paths):
            raise QDError(f"analysed.stages[{name!r}]: has {len(flags)} states, the paths come to more")
        reached[:, column] = [flags[path].any() for path in paths]
    reached[:, -1] = success
    failures = tuple(failure_of(path, bool(done), horizon, hopeless) for path, done in zip(paths, success, strict=True))
    summary = _parts(parts, success)
    loops = [episode for episode, failure in enumerate(failures) if failure in LOOPS]
    cycles = [_cycle(paths[episode]) for episode in loops]
    loop = max(cycles, key=lambda cycle: (cycles.count(cycle), len(cycle), cycle)) if cycles else ()
    inside = {name: _in_loop([values[episode] for episode in loops]) for name, values in (happenings or parts).items()}
    names = (*stages, "success")
    edits = _edits(summary, names, reached, bonuses or {}, inside, len(loops) / e)
    return Analysis(summary, names, reached, failures, loop, edits)


def edited(reward: Reward, solution: NDArray[np.float64], edit: Edit) -> NDArray[np.float64]:
    """(d,) the genome with one weight changed, kept within its bounds. Raises QDError where it has no such weight."""
    names = [gene.name for gene in reward.genes]
    name = f"{edit.part}.weight"
    if name not in names:
        raise QDError(f"edit: the reward has no gene {name!r}, {nearest(name, names)}")
    at = names.index(name)
    gene, old = reward.genes[at], float(gene_values(reward.genes, np.atleast_2d(solution))[0, at])
    new = {
        "drop": 0.0,
        "rescale": edit.amount * old,
        "bonus": max(old, edit.amount),
        "penalty": min(old, -edit.amount),
    }[edit.kind]
    result = np.array(solution, np.float64)
    result[at] = gene.coordinate(float(np.clip(new, gene.least, gene.most)))
    return result


def possible(reward: Reward, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits that a reward has a gene for."""
    names = {gene.name for gene in reward.genes}
    return tuple(edit for edit in edits if f"{edit.part}.weight" in names)


def _parts(parts: Mapping[str, Sequence[NDArray[np.float64]]], success: NDArray[np.bool_]) -> dict[str, Part]:
    steps = {
        name: np.concatenate([np.asarray(value, np.float64) for value in values]) for name, values in parts.items()
    }
    whole = sum(float(np.abs(values).sum()) for values in steps.values())
    return {
        name: Part(
            float(values.mean()) if len(values) else 0.0,
            float(values.var()) if len(values) else 0.0,
            float(np.abs(values).sum() / whole) if whole > 0 else 0.0,
            _correlation(np.array([float(np.sum(value)) for value in parts[name]]), success.astype(np.float64)),
        )
        for name, values in steps.items()
    }


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 1e-12 * (1 + np.abs(a).max()) else 0.0


def failure_of(path: NDArray[np.integer], success: bool, horizon: int, hopeless: NDArray[np.bool_] | None) -> Failure:
    """How an episode went: (t + 1,) states, whether it succeeded, the task's horizon, (S,) states without hope."""
    if success:
        return "success"
    if (path == path[0]).all():
        return "never left the start"
    if hopeless is not None and hopeless[path[-1]]:
        return "dead end"
    if len(path) - 1 < horizon:
        return "early end"
    half = len(path) // 2
    known = np.isin(path[half:], path[:half])
    return "farming loop" if known.mean() > LOOP else "time-out"


def _cycle(path: NDArray[np.integer]) -> tuple[int, ...]:
    """The states between the last two visits to the state that an episode was in at last, the lowest first."""
    before = np.flatnonzero(path[:-1] == path[-1])
    states = path[before[-1] : -1] if len(before) else path[-1:]
    first = int(states.argmin())
    return tuple(int(state) for state in np.roll(states, -first))


def _in_loop(values: Sequence[NDArray[np.float64]]) -> float:
    """The mean of a variable over the second halves of episodes: where they go round."""
    halves = [np.asarray(value, np.float64)[len(value) // 2 :] for value in values]
    return float(np.concatenate(halves).mean()) if halves and any(map(len, halves)) else 0.0


def _edits(
    parts: Mapping[str, Part],
    stages: tuple[str, ...],
    reached: NDArray[np.bool_],
    bonuses: Mapping[str, str],
    inside: Mapping[str, float],
    looping: float,
) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    missed = 1.0 - reached.mean(axis=0)
    if looping > 0.5 and any(value > 0 for value in inside.values()):
        worst = max(inside, key=lambda name: inside[name])
        edits.append(Edit("penalty", worst, 0.5, f"{looping:.0%} of episodes go round in a loop where {worst} is paid"))
    for stage, share in zip(stages[:-1], missed[:-1], strict=True):
        if share >= 0.8:
            why = f"{share:.0%} of episodes never come to {stage}"
            edits.append(Edit("bonus", bonuses.get(stage, stage), 1.0, why))
            break
    for name, part in parts.items():
        if part.share > 0.8 and len(parts) > 1:
            edits.append(Edit("rescale", name, 0.25, f"{name} makes up {part.share:.0%} of what is paid"))
        if part.variance <= 1e-12 * part.mean**2:
            edits.append(Edit("drop", name, 0.0, f"{name} is the same in every step"))
    return tuple(edits)
