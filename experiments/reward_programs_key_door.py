"""Rewards that are programs, evolved on key-door grids by genetic programming with a critic.

A program is an expression of the agent's place, distances and what a step did; the critic refuses those that can be
farmed before a learner is trained. 24 programs, 10 generations and more, learners of 3000 steps on 3 layouts x 2 seeds;
the five best are re-evaluated with fresh seeds and the winner is tested on 12 layouts that the search never saw. What
it came to over several seeds, beside random programs, is in docs/results.md. About half a minute on one core.
"""

import qd
from qd.learners import KeyDoor, TaskCritic
from qd.rewards import ProgramReward

task = KeyDoor()
form = ProgramReward(task.variables, scale=0.1)
critic = TaskCritic(task, form)
problem = qd.problems.EvolvedReward(task, form)
search = qd.algorithms.Selected(qd.algorithms.GeneticProgramming(24, critic), percent=100, candidates=5)
experiment = qd.Experiment(problem, search, 240 + search.reserve(problem), seed=1)
