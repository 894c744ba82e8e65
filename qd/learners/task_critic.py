"""A critic with a task: what a search asks before it spends an evaluation on a reward."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qd.learners.table_task import LayoutTask
from qd.ragged import Solutions
from qd.rewards.critic import Critic, probe
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps
from qd.rng import generator


@dataclass(frozen=True)
class TaskCritic:
    """What is wrong with rewards for a family of layouts.

    >>> import numpy as np
    >>> from qd.learners import KeyDoor
    >>> from qd.rewards import ProgramReward
    >>> form = ProgramReward(KeyDoor().variables)
    >>> critic = TaskCritic(KeyDoor(), form)
    >>> critic.reasons(form.space.pack([form.parse("step")]))[0][:31]
    'farming: standing still is paid'
    """

    task: LayoutTask
    """The family of layouts; the first one is looked at."""
    form: RewardForm
    """What its rewards are made of."""
    critic: Critic = field(default_factory=Critic)
    """What they must not do."""
    discount: float = 0.98
    """The learner's."""
    sparse: float = 1.0
    """What true success is paid beside the reward."""

    @cached_property
    def probe_steps(self) -> Steps:
        """Steps of the first layout that tell rewards apart: 100 at random, and 20 of each thing that can happen.

        Most things happen in few steps, a key is picked up in one or two: at random such a step is hardly ever met,
        and rewards that differ by it alone, which is all the difference, would look the same.
        """
        steps, rng = self.task.layout(0).all_steps, generator(0, "critic: probe")
        chosen = [rng.choice(len(steps), min(100, len(steps)), replace=False)]
        for variable in self.task.variables:
            if variable.kind == "text":
                continue
            before = steps.earlier(variable.name)
            happens = np.flatnonzero(steps.column(variable.name) - (0.0 if before is None else before))
            chosen.append(rng.permutation(happens)[:20])
        return steps.take(np.unique(np.concatenate(chosen)))

    def probe(self, solutions: Solutions) -> NDArray[np.float64]:
        """(n, p) what rewards pay on ``probe_steps``, as ``qd.rewards.critic.duplicates`` compares them."""
        with np.errstate(all="ignore"):
            return probe(np.nan_to_num(self.form.values(solutions, self.probe_steps)))

    def reasons(self, solutions: Solutions) -> list[str | None]:
        """Why each is rejected, None where it is not."""
        return self.critic.judge(self.form, solutions, self.task.layout(0), self.discount, self.sparse)
