"""Latents of a decoder of digits, searched until three classifiers are sure of a 5, judged by a fourth.

A small decoder and the classifiers are trained at first use, in some ten seconds, and kept in the cache folder; the
fourth classifier learned from other digits than the three and no search sees it. What to see: separable CMA-ES raises
the mean of the used rewards to about 3.5 standard deviations above random latents within a thousand evaluations, and
the test, by the held-out classifier, says 3.6; the best of a thousand random latents (``RandomSearch`` in the same
place) comes to 2.6 and 2.9. ``replays`` draws the digit beside what every reward says. Ten seconds.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.DigitLatents(wanted=5),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.EvolutionStrategy("sep_cma", population_size=20, sigma=0.5), candidates=5
    ),
    budget=1000,
)
