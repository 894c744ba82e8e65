"""Genomes that are seeds: networks of millions of weights as a first seed and a chain of mutations."""

from qd.lineages.bytes import from_bytes, to_bytes
from qd.lineages.decoder import Decoder
from qd.lineages.keyframes import read_keyframe, write_keyframe
from qd.lineages.space import Lineage, children, draws

__all__ = ["Decoder", "Lineage", "children", "draws", "from_bytes", "read_keyframe", "to_bytes", "write_keyframe"]
