"""A critic with a task: what a search asks before it spends an evaluation on a reward."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from qd.errors import QDError
from qd.learners.table_task import LayoutTask
from qd.ragged import Solutions
from qd.rewards.critic import Critic, Verdict, random_steps
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps


@dataclass(frozen=True)
class TaskCritic:
    """Verdicts on rewards for a family of layouts.

    >>> from qd.learners import KeyDoor
    >>> from qd.rewards import ProgramReward
    >>> form = ProgramReward(KeyDoor().variables)
    >>> critic = TaskCritic(KeyDoor(), form)
    >>> critic.verdicts(form.space.pack([form.parse("bump")]))[0].check
    'standing still'
    """

    task: LayoutTask
    """The family of layouts."""
    form: RewardForm
    """What its rewards are made of."""
    critic: Critic = field(default_factory=Critic)
    """What they must not do."""
    layouts: int = 1
    """Search layouts that farming is looked for on."""

    def __post_init__(self) -> None:
        if self.layouts < 1:
            raise QDError(f"TaskCritic.layouts: got {self.layouts}, wanted at least 1")

    @cached_property
    def probe(self) -> Steps:
        """Random steps, on which numbers are judged."""
        return random_steps(self.task.variables, self.critic.samples)

    def verdicts(self, solutions: Solutions) -> list[Verdict]:
        """One a row."""
        tables = [self.task.layout(number) for number in range(self.layouts)]
        return self.critic.judge(self.form, solutions, self.probe, tables)
