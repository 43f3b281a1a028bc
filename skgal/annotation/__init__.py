"""People who label: on a page of this machine, in a notebook, or in Label Studio.

The page, and images for Label Studio, need the extra ``annotation``; a notebook needs the extra
``notebook``.
"""

from skgal.annotation._label_studio import from_label_studio, to_label_studio
from skgal.annotation._oracle import HumanOracle
from skgal.annotation._widget import LabellingWidget

__all__ = ["HumanOracle", "LabellingWidget", "from_label_studio", "to_label_studio"]
