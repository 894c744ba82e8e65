"""What people look at: the pictures of a run."""

from qd.view.plots import plot_result, plot_run

__all__ = ["plot_result", "plot_run"]
