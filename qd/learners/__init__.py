"""Inner learners: what a reward is given to, to see what it teaches."""
