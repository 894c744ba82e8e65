"""MAP-Elites on the cart-pole swing-up: ways to bring a pole up, by where the cart is and how long it stands.

What to see: most carts leave the track at first; after 100,000 evaluations three quarters of the 2500 cells are filled,
and the best pole stands for nearly all of the time (objective 0.92). About ten seconds, after compiling once.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.CartPoleSwingUp(),
    algorithm=qd.algorithms.MapElites(batch_size=1024),
    budget=100_000,
    seed=1,
)
