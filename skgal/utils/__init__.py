"""Where data come in: labels, tables and images, pools; and the random states of models."""

from skgal.utils._frames import LabelTemplate, column_names, frame_columns, is_frame
from skgal.utils._labels import (
    as_label_array,
    as_series,
    is_missing,
    observed_labels,
    spread_labels,
)
from skgal.utils._layout import (
    LAYOUTS,
    DataLayout,
    MixedLayout,
    is_mixed,
    make_layout,
)
from skgal.utils._nested import nets_in, stopped_by_interrupt, unwrap
from skgal.utils._plain import PlainCodec
from skgal.utils._pool import (
    Pool,
    as_pool,
    concat_rows,
    fit_to_pool,
    gives_blocks,
    row_blocks,
    take_rows,
    validate_pool,
)
from skgal.utils._random import (
    as_random_state,
    draw_seed,
    seed_unset,
    seeded_nets,
    seeded_torch,
)
from skgal.utils._warnings import warn_user

__all__ = [
    "LAYOUTS",
    "DataLayout",
    "LabelTemplate",
    "MixedLayout",
    "PlainCodec",
    "Pool",
    "as_label_array",
    "as_pool",
    "as_random_state",
    "as_series",
    "column_names",
    "concat_rows",
    "draw_seed",
    "fit_to_pool",
    "frame_columns",
    "gives_blocks",
    "is_frame",
    "is_missing",
    "is_mixed",
    "make_layout",
    "nets_in",
    "observed_labels",
    "row_blocks",
    "seed_unset",
    "seeded_nets",
    "seeded_torch",
    "spread_labels",
    "stopped_by_interrupt",
    "take_rows",
    "unwrap",
    "validate_pool",
    "warn_user",
]
