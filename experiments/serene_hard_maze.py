"""SERENE in the hard maze: explore by novelty, and climb wherever a reward is met.

Measures are the robot's true final position. What to see: exploration spreads as in plain novelty search; where it
touches one of the two discs an emitter climbs to its centre within a few hundred evaluations, and the picture
``emitters`` shows the lines from where it began. The nearer disc is reached after 3,000 evaluations or so; the far one,
behind the upper wall, only once exploration gets there, in most seeds after 15,000 to 30,000. Seconds on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.SERENE(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=50_000,
)
