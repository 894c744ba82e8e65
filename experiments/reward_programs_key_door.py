"""Rewards that are programs, evolved on key-door grids by genetic programming with a critic.

A program is an expression of the agent's place, distances and what a step did; the critic refuses those that pay for
staying before a learner is trained. What to see: nine of ten programs teach nothing, and which the search refines is
luck: over nine seeds the winner solves 0.34 of the layouts that the search never saw, between none and nearly all, no
more than random programs do (docs/results.md). Weights over counted features do far better. Half a minute on one core.
"""

import qd
from qd.learners import KeyDoor, TaskCritic
from qd.rewards import ProgramReward

task = KeyDoor()
# All but the variable that knows the way, of which the change alone is a reward that teaches.
form = ProgramReward(tuple(one for one in task.variables if one.name != "progress"), scale=0.1)
critic = TaskCritic(task, form)
problem = qd.problems.EvolvedReward(task, form)
search = qd.algorithms.Selected(qd.algorithms.GeneticProgramming(24, critic), percent=100, candidates=5)
experiment = qd.Experiment(problem, search, 240 + search.reserve(problem), seed=1)
