"""Edits of a program that what its policies did suggests: rules, as a person reads episodes.

The analysis comes as numbers, means over episodes, as ``EvolvedReward`` offers in its columns. Those of rewards with
weights are in ``qd.rewards.analyser``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qd.rewards.analyser import FAILURES, LOOPS
from qd.rewards.edits import Edit
from qd.rewards.program import Program, terms_of

SEEN = ("reached", "failures", "shares", "variances", "loop_pay", "happened")  # columns that are read here
MISSED = 0.8  # of episodes that do not come to a stage: then it is worth a bonus
OUTWEIGHS = 0.8  # the share of what is paid above which a summand leaves the others without a say


def advised(
    space: Program,
    row: NDArray[np.float64],
    seen: Mapping[str, NDArray[np.float64]],
    stages: Sequence[str],
    happenings: Sequence[str],
) -> list[Edit]:
    """What to try with a program, the surest first.

    Args:
        space: of the program.
        row: the program.
        seen: column -> what its policies did; see ``qd.problems.EvolvedReward``.
        stages: of the task, success left out: state variables that the program may read, or not.
        happenings: variables of steps, in the order of ``seen["happened"]``.
    """
    names = list(dict.fromkeys(space.formula(tree.reshape(-1), 3) for tree, _ in terms_of(space, row)))
    known, edits = space.language.terminals(), list[Edit]()
    looping = sum(seen["failures"][FAILURES.index(name)] for name in LOOPS)
    pay, more = seen["loop_pay"][: len(names)], np.asarray(seen["happened"])
    if looping > 0.5 and pay.max() > 0:
        worst = names[int(pay.argmax())]
        edits.append(Edit("drop", worst, 0.0, f"{looping:.0%} of episodes go round in a loop that {worst} pays for"))
    if looping > 0.5 and more.max(initial=0.0) > 0 and happenings[int(more.argmax())] in known:
        worst = happenings[int(more.argmax())]
        edits.append(Edit("penalty", worst, 0.0, f"{looping:.0%} of episodes go round in a loop of much {worst}"))
    for stage, share in zip(stages, 1.0 - seen["reached"], strict=False):
        if share >= MISSED and f"delta({stage})" in known:
            edits.append(Edit("bonus", f"delta({stage})", 0.0, f"{share:.0%} of episodes never come to {stage}"))
            break
    for name, share, variance in zip(names, seen["shares"], seen["variances"], strict=False):
        if share > OUTWEIGHS and len(names) > 1:
            edits.append(Edit("rescale", name, 0.25, f"{name} makes up {share:.0%} of what is paid"))
        if variance <= 1e-18 and len(names) > 1:
            edits.append(Edit("drop", name, 0.0, f"{name} is the same in every step"))
    return edits


def told(seen: Mapping[str, NDArray[np.float64]], stages: Sequence[str]) -> str:
    """What policies did, as a sentence.

    >>> seen = {"failures": np.array([0, 0, 0.75, 0, 0, 0.25]), "reached": np.array([0.5, 0.0])}
    >>> told(seen, ("has_key",))
    '75% farming loop, 25% time-out; has_key in 50%'
    """
    order = np.argsort(-seen["failures"], kind="stable")
    shares = [f"{seen['failures'][i]:.0%} {FAILURES[i]}" for i in order if seen["failures"][i] > 0]
    came = [f"{stage} in {share:.0%}" for stage, share in zip(stages, seen["reached"], strict=False)]
    return "; ".join(filter(None, (", ".join(shares), ", ".join(came))))
