"""People who label: on a page of this machine, or in Label Studio.

The page, and images for Label Studio, need the extra ``annotation``.
"""

from skgal.annotation._label_studio import from_label_studio, to_label_studio
from skgal.annotation._oracle import HumanOracle

__all__ = ["HumanOracle", "from_label_studio", "to_label_studio"]
