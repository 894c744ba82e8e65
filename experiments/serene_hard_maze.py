"""SERENE in the hard maze: explore by novelty, and climb wherever a reward is met.

Measures are the robot's true final position. What to see: exploration spreads as in plain novelty search; where it
touches one of the two discs an emitter climbs to its centre within a few hundred evaluations, and the picture
``emitters`` shows the lines from where it began. The nearer disc is reached after 2,900 to 10,100 evaluations (seeds 1
to 3); the far one, behind the upper wall, is touched once exploration gets there, after 46,000 to 58,000, and then
climbed to 0.7 to 0.85. Half a minute on two cores.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.HardMaze(),
    algorithm=qd.algorithms.SERENE(emitters=qd.algorithms.EmitterSettings(target=0.99)),
    budget=200_000,
)
