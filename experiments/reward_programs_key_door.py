"""Rewards that are programs, evolved on key-door grids by genetic programming with a critic.

A program is an expression of the agent's place, distances and what a step did; the critic refuses those that pay for
staying before a learner is trained, and what the trained policies did suggests edits. What to see: of the first
programs, sums of weighted variables, nine of ten teach nothing; later ones mostly do. Over thirty seeds the winner
solves 0.95 of the layouts that the search never saw, the best of as many random sums 0.80, the best of as many random
trees 0.52; with a quarter of the evaluations breeding gains nothing over drawing (docs/results.md). Ten to thirty
seconds on one core.
"""

import qd
from qd.learners import KeyDoor, TaskCritic
from qd.rewards import ProgramReward

task = KeyDoor()
# All but the variable that knows the way, of which the change alone is a reward that teaches.
form = ProgramReward(tuple(one for one in task.variables if one.name != "progress"), scale=0.1)
critic = TaskCritic(task, form)
problem = qd.problems.EvolvedReward(task, form, layouts=12)
search = qd.algorithms.Selected(qd.algorithms.GeneticProgramming(24, critic, initial="sums"), percent=100, candidates=5)
experiment = qd.Experiment(problem, search, 960 + search.reserve(problem), seed=1)
