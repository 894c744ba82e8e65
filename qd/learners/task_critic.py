"""A critic with a task: what a search asks before it spends an evaluation on a reward."""

from __future__ import annotations

from dataclasses import dataclass, field

from qd.learners.table_task import LayoutTask
from qd.ragged import Solutions
from qd.rewards.critic import Critic
from qd.rewards.reward import RewardForm


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

    def reasons(self, solutions: Solutions) -> list[str | None]:
        """Why each is rejected, None where it is not."""
        return self.critic.judge(self.form, solutions, self.task.layout(0), self.discount, self.sparse)
