"""Archives to and from other libraries and files: data frames, tables, pyribs' archives, QDax' repertoires.

The middle is ``StoredArchive``: columns of elites and what describes their cells. ``stored`` makes one of any live
archive; ``to_live`` and ``to_ribs`` make one live again.
"""

from qd.interchange.frames import from_frame, read_table, to_frame
from qd.interchange.live import to_live, to_ribs
from qd.interchange.repertoires import from_repertoire, read_repertoire, write_repertoire
from qd.store.archive_file import StoredArchive, stored

__all__ = [
    "StoredArchive",
    "from_frame",
    "from_repertoire",
    "read_repertoire",
    "read_table",
    "stored",
    "to_frame",
    "to_live",
    "to_ribs",
    "write_repertoire",
]
