"""Random choice from a pool: what every strategy must beat."""

import numpy as np

from skgal.query._base import RankingStrategy


class RandomSampling(RankingStrategy):
    """Choose samples of a pool at random.

    Parameters
    ----------
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides the order in which a pool is labelled. With an integer it is one order, so
        round after round goes on where the last one ended.

    Notes
    -----
    ``query`` looks at neither the samples nor the model, so ``clf`` may be None. All
    utilities are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.query import RandomSampling
    >>> X = np.arange(10).reshape(5, 2)
    >>> y = [0, np.nan, np.nan, 1, np.nan]
    >>> sorted(RandomSampling(random_state=0).query(X, y, None, batch_size=3).tolist())
    [1, 2, 4]
    """

    def compute_utilities(self, X, y, clf, pool):
        """Rate all alike, so that ``random_state`` decides."""
        return [np.zeros(len(pool))]
