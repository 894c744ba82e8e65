"""Rubrics in words without weights: a scripted model answers, another judges, a third rewrites rubric and instruction.

The questions are arithmetic stories. The naive rubric asks for long, polite, certain answers; the writer makes one edit
of a rubric at a time and is shown the labelled pairs that the rubric gets wrong. With models of ``qd.models.Local`` or
``qd.models.Endpoint`` as ``model``, ``judge`` and ``writer`` the same file runs on real ones.

What to see: within a round or two the best rubric asks to check what the answer rests on (``rubric_agreement`` 1), and
the instructions that it selects make the model work step by step (``test_gold`` 1). Ten seconds.
"""

import qd
from qd.algorithms import RubricCoevolution
from qd.problems import scripted_answers, scripted_writer

experiment = qd.Experiment(
    problem=scripted_answers("maths"),
    algorithm=RubricCoevolution(
        policies=8,
        parents=3,
        rubrics=4,
        rubric_children=4,
        judges=2,
        interval=2,
        writer=scripted_writer(),
        task="arithmetic stories",
    ),
    budget=150,
    seed=1,
)
