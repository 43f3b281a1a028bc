"""The classes that a generator's layout is made of, for whoever writes it to a file."""

from skgal.utils._columns import CategoricalColumn, ConstantColumn, NumericColumn
from skgal.utils._layout import DataLayout, FrameTemplate
from skgal.utils._mixed_layout import MixedLayout

LAYOUTS = (
    DataLayout,
    FrameTemplate,
    MixedLayout,
    NumericColumn,
    CategoricalColumn,
    ConstantColumn,
)
