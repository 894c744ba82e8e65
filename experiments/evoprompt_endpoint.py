"""EvoPrompt with models behind an address: movie reviews classified and prompts written by the same server.

Say where it is: ``QD_ENDPOINT`` the address, such as ``http://127.0.0.1:8000/v1``; ``QD_MODEL`` the model's name there;
``QD_KEY_VARIABLE`` the name of the variable that holds the key (``OPENAI_API_KEY`` by default, empty for none). The
reviews come with ``make prompts``, the client with ``pip install 'qd-evolution[endpoint]'``. Answers are kept in
``answers/``, so that a run which is started again asks only what is new.

What to see: ``population_best`` rises over ten generations of ten prompts, and at the end the best of the last ten by
examples of their own is tested beside the first one. How much it gains depends on the model. About 4,300 examples
are classified, each answered by one token, and 110 prompts written.
"""

import os

import qd

model = qd.models.Endpoint(
    os.environ.get("QD_MODEL", "small"),
    os.environ.get("QD_ENDPOINT", "http://127.0.0.1:8000/v1"),
    key_variable=os.environ.get("QD_KEY_VARIABLE", "OPENAI_API_KEY"),
    vocabulary=("terrible", "great"),
)
experiment = qd.Experiment(
    problem=qd.problems.TextPrompt(
        qd.prompts.Classification(
            model,
            qd.prompts.Drawn("movie_reviews", demos=0, search=16, select=40, test=100, max_words=30),
            "movie_reviews",
            store="answers",
        ),
        objective="accuracy",
        texts=qd.Texts(
            ("instruction",),
            (
                "Is this review of a film good or bad?",
                "Read the review and say what its writer thought of the film.",
                "You are a critic. Judge the mood of the review below.",
                "Sentiment of reviews.",
                "Say terrible or great.",
            ),
            max_bytes=600,
        ),
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.EvoPromptGA(writer=model, task="telling bad reviews of films from good ones"), candidates=5
    ),
    budget=117,
    seed=1,
)
