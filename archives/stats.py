"""What an archive says about itself, in the words of pyribs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ArchiveStats:
    """One reading of an archive; it does not change when the archive does.

    num_elites: how many elites there are.
    coverage: share of the cells that hold one, 0 to 1.
    qd_score: sum over the elites of (objective - qd_score_offset).
    norm_qd_score: qd_score divided by the number of cells.
    obj_max: best objective ever let in, None while the archive is empty. Where thresholds are soft (learning
        rate below 1) its elite may have been replaced since.
    obj_mean: mean objective of the elites, None while the archive is empty.
    """

    num_elites: int
    coverage: float
    qd_score: float
    norm_qd_score: float
    obj_max: float | None
    obj_mean: float | None
