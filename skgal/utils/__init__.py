"""Random state, data layout and value range, missing labels, rows, nets in estimators."""

from skgal.utils._labels import is_missing, observed_labels
from skgal.utils._layout import DataLayout
from skgal.utils._nets import nets_in, seeded_nets, seeded_torch
from skgal.utils._random import as_random_state, draw_seed
from skgal.utils._rows import concat_rows, take_rows

__all__ = [
    "DataLayout",
    "as_random_state",
    "concat_rows",
    "draw_seed",
    "is_missing",
    "nets_in",
    "observed_labels",
    "seeded_nets",
    "seeded_torch",
    "take_rows",
]
