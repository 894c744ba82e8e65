"""Rewards designed by rule: a scripted writer reads what a model would be shown, and does what it is advised.

The writer takes the best formula that it is shown and the advice that the reading of its episodes gave, or another
variable of the schema, and adds or leaves out one summand. One answer in five is wrong in the ways of models: a
variable that there is not, a reward for every step, no formula at all; the critic and the parser say why, and it is
asked again.

What to see: with seed 1 the policies come to the goal of half the layouts that the search never saw; 130 answers passed
when they were written again, 503 children never did. Over sixty seeds the winner of 240 evaluations solves 0.84 of
those layouts, the best of as many random sums 0.57 (docs/results.md). Three seconds.
"""

import re

import numpy as np

import qd
from qd.learners import KeyDoor, TaskCritic
from qd.rewards import ProgramReward
from qd.rng import row_generator


def write(text: str, seed: int) -> str:
    """A formula by rule, from what stands in the request."""
    rng = row_generator(seed)
    if rng.random() < 0.2:
        wrong = ("Sorry, I cannot.", "<reward>2 * has_the_key</reward>", "<reward>1 * step</reward>")
        return wrong[int(rng.integers(3))]
    shown = re.findall(r"^-?[\d.]+ <reward>(.*?)</reward>", text, re.MULTILINE)  # the best last
    advice = re.findall(r"a (bonus|price) for (\S+), since", text)
    names = re.findall(r"^(\w+): (?:0 or 1|a number)", text, re.MULTILINE)
    names += re.findall(r"delta\(\w+\)", text)
    best = shown[-1] if shown else f"0.5 * {names[int(rng.integers(len(names)))]}"
    weight = float(np.exp(rng.standard_normal()))
    if advice and rng.random() < 0.5:
        kind, name = advice[int(rng.integers(len(advice)))]
        sign = "+" if kind == "bonus" else "-"
    else:
        name, sign = names[int(rng.integers(len(names)))], "+-"[int(rng.integers(2))]
    summands = re.split(r" (?=[+-] )", best)
    while len(summands) > 5 or (len(summands) > 2 and rng.random() < 0.3):
        summands.pop(1 + int(rng.integers(len(summands) - 1)))
    return f"One more thing should count. <reward>{' '.join(summands)} {sign} {weight:.2f} * {name}</reward>"


task = KeyDoor()
form = ProgramReward(tuple(one for one in task.variables if one.name != "progress"), scale=0.1)
problem = qd.problems.EvolvedReward(task, form)
designer = qd.algorithms.RewardDesigner(qd.models.Scripted(replies=write), critic=TaskCritic(task, form))
search = qd.algorithms.Selected(designer, percent=100, candidates=5)
experiment = qd.Experiment(problem, search, 240 + search.reserve(problem), seed=1)

if __name__ == "__main__":
    result = qd.run(experiment)
    shown = result.summary["metrics"]
    print({name: round(shown[name], 3) for name in ("held_out_success", "area", "repaired", "dropped", "refused")})
