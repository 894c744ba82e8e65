"""The verbs of the qd command, loaded when they are called."""
