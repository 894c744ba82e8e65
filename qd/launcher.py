"""What the launcher's environment says about ranks. Imports nothing of MPI, or anything heavy."""

import os

_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE")
_RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
_LOCAL_RANKS = (
    "MPI_LOCALRANKID",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "PMIX_LOCAL_RANK",
    "SLURM_LOCALID",
    "PALS_LOCAL_RANKID",
)
_SLURM_SIZES = ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")


def launched_size() -> int:
    """Ranks that the launcher started; 0 where there is none.

    ``srun --mpi=pmix`` names the rank alone, so there Slurm's own count of tasks is taken.
    """
    return _first(_SIZES) or (_first(_SLURM_SIZES) or 0 if _first(_RANKS) is not None else 0)


def launched_rank() -> int:
    """This process's rank; 0 without a launcher."""
    return _first(_RANKS) or 0


def launched_local_rank() -> int:
    """This process's number among the ranks of its machine; its rank where the launcher does not say; else 0."""
    if _first(_RANKS) is None:  # what Slurm says of a batch script's own step is not about ranks
        return 0
    local = _first(_LOCAL_RANKS)
    return launched_rank() if local is None else local


def _first(names: tuple[str, ...]) -> int | None:
    for name in names:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return None
