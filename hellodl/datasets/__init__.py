"""Data sets of small pictures: known by name, found on disk, checked, fetched when asked for."""

from hellodl.datasets.catalogue import CATALOGUE
from hellodl.datasets.loading import Dataset, load

__all__ = ["NAMES", "Dataset", "load"]

NAMES = tuple(CATALOGUE)
