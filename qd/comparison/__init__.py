"""Runs beside each other: read from their folders, grouped by settings, brought to equal evaluations, tested."""

from qd.comparison.compared import Comparison, Row, Settings, compare
from qd.comparison.courses import Course, read_course, read_courses
from qd.comparison.references import read_reference, references, write_reference

__all__ = [
    "Comparison",
    "Course",
    "Row",
    "Settings",
    "compare",
    "read_course",
    "read_courses",
    "read_reference",
    "references",
    "write_reference",
]
