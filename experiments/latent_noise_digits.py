"""Latents of a decoder of digits, searched until three classifiers are sure of a 5, judged by a fourth.

A small decoder and the classifiers are trained at first use, in some ten seconds, and kept in the cache folder; the
fourth classifier learned from other digits than the three and no search sees it. What to see: within a thousand
evaluations separable CMA-ES raises the mean of the used rewards, ``select_objective``, to about 4 standard deviations
above random latents, and ``test_objective``, by the held-out classifier, is 4 too; the best of a thousand random
latents (``RandomSearch`` in the same place) comes to about 3 and 3.3. The picture ``solution`` is the digit beside what
every reward says of it. A few seconds.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.DigitLatents(wanted=5),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.EvolutionStrategy("sep_cma", population_size=20, sigma=0.5), candidates=5
    ),
    budget=1000,
)
