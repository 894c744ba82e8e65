"""A gymnasium environment that pays a genome's reward, for learners of other libraries.

The reward never sees what the environment pays: it reads the variables that ``observe`` makes of a step, and what is
true stays in ``info``. To test a policy, switch it off: then the environment pays as it always did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.rewards.count_bonus import CountBonus
from qd.rewards.gene import gene_values
from qd.rewards.reward import Reward, RewardForm
from qd.rewards.steps import Steps
from qd.rewards.term import Genes

Observe = Callable[[Any, Any, Any, dict[str, Any]], Mapping[str, Any]]
"""(obs, action, next_obs, info) -> variable -> its value; a pair (before, after) for a variable of a state."""


class GymReward(gymnasium.Wrapper):
    """The environment, paying ``reward`` as ``solution`` sets it.

    ``info["true_reward"]`` is what the environment paid. Visits are counted over the wrapper's whole life, which is
    one learner's, wherever the reward reads ``visits`` or ``rarity``: by ``key`` of the observation, or by the reward's
    own hashes.

    Args:
        env: the environment.
        reward: of kind step or history.
        solution: (d,) the genome, or one row of whatever the reward's genomes are.
        observe: the variables of a step.
        key: what states count as the same; by default the observation rounded to one decimal.
        scale: what the reward is multiplied with.
        true_weight: how much of the environment's own reward is paid beside it: 1 for shaping, 0 for nothing of it.
        steps: of the learner's life; gives rewards that read ``progress_of_training`` the share that is done.

    Attributes:
        paying: set it to False to be paid the true reward, uncounted: for evaluation.

    Raises:
        QDError: a reward of whole episodes; then, at a step, a variable that ``observe`` does not give, or a reward
            that is not finite.
    """

    def __init__(
        self,
        env: Any,
        reward: RewardForm,
        solution: Any,
        observe: Observe,
        *,
        key: Callable[[Any], Hashable] | None = None,
        scale: float = 1.0,
        true_weight: float = 0.0,
        steps: int = 0,
    ) -> None:
        super().__init__(env)
        if reward.kind == "episode":
            raise QDError(
                f"GymReward.reward: {', '.join(reward.needs)} is of whole episodes; a step cannot be paid for it"
            )
        if "progress_of_training" in reward.needs and steps < 1:
            raise QDError("GymReward.steps: the reward reads progress_of_training, so say how many steps there will be")
        self.reward, self.observe, self.scale, self.true_weight = reward, observe, scale, true_weight
        self.solution = solution[None] if isinstance(solution, np.ndarray) and solution.ndim == 1 else solution
        self.paying = True
        self.steps_done, self._steps = 0, steps
        self._key = key or (lambda obs: tuple(np.round(np.ravel(obs).astype(float), 1).tolist()))
        self._counts: Counter[Hashable] = Counter()
        self._hashed = _hashed(reward, self.solution)
        self._last: Any = None

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """As the environment's."""
        self._last, info = self.env.reset(**options)
        return self._last, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As the environment's, with the reward exchanged and ``info["true_reward"]``."""
        obs, true, terminated, truncated, info = self.env.step(action)
        info = {**info, "true_reward": float(true)}
        if not self.paying:
            self._last = obs
            return obs, float(true), terminated, truncated, info
        self.steps_done += 1
        steps = self._read(self.observe(self._last, action, obs, info), obs, terminated)
        self._last = obs
        paid = float(self.reward.values(self.solution, steps)[0, 0])
        if not np.isfinite(paid):
            raise QDError(f"GymReward: the reward is {paid} at {dict(steps.after)}; it must be finite")
        return obs, self.scale * paid + self.true_weight * float(true), terminated, truncated, info

    def visits(self, obs: Any) -> int:
        """How often the state of this observation was come to; 0 where the reward counts by hashes of its own."""
        return self._counts[self._key(obs)]

    def _read(self, variables: Mapping[str, Any], obs: Any, terminated: bool) -> Steps:
        """One step, with the variables that are counted here."""
        pairs = {name: value for name, value in variables.items() if isinstance(value, tuple)}
        after = {name: [pairs[name][1] if name in pairs else value] for name, value in variables.items()}
        steps = Steps(after or {"": [0.0]}, {name: [value[0]] for name, value in pairs.items()}, np.array([terminated]))
        counted: dict[str, Any] = {}
        if "progress_of_training" in self.reward.needs:
            counted["progress_of_training"] = [min(1.0, (self.steps_done - 1) / self._steps)]
        missing = [
            name for name in self.reward.needs if name not in after and name not in (*counted, "visits", "rarity")
        ]
        if missing:
            raise QDError(f"GymReward.observe: it gives no {missing[0]!r}, {nearest(missing[0], variables)}")
        if {"visits", "rarity"} & set(self.reward.needs):
            if self._hashed is not None:
                bonus, genes = self._hashed
                state: Hashable = int(bonus.keys(genes, steps)[0, 0])
            else:
                state = self._key(obs)
            self._counts[state] += 1
            counted["visits"] = [self._counts[state]]
            counted["rarity"] = [1.0 / np.sqrt(self._counts[state])]
        return Steps({**after, **counted}, steps.before, steps.ends)


def _hashed(reward: RewardForm, solution: NDArray[np.float64]) -> tuple[CountBonus, Genes] | None:
    """The reward's term that counts by hashes, and its genes."""
    if not isinstance(reward, Reward):
        return None
    genes, at = gene_values(reward.genes, np.asarray(solution, np.float64)), 0
    for term in reward.terms:
        if isinstance(term, CountBonus) and term.hashed:
            return term, genes[:, at : at + len(term.genes)]
        at += len(term.genes)
    return None
