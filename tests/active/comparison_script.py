"""A comparison of strategies that may kill its own process; run by test_compare.py.

    python comparison_script.py folder [n]

With n, the process is killed in its n-th run; without, what the comparison came to is printed.
The file ``ran`` in the folder has a line for each run that was begun.
"""

import json
import os
import signal
import sys
from pathlib import Path

from sklearn.datasets import make_classification
from sklearn.naive_bayes import GaussianNB

from skgal.active import compare_strategies
from skgal.query import RandomSampling, UncertaintySampling


class Mortal(RandomSampling):
    """Notes each fit, and takes the process down in one of them."""

    log, deadly = None, None  # no parameters: they are no part of what it is

    def fit(self, X, y=None):
        with self.log.open("a") as file:
            file.write("fit\n")
        if len(self.log.read_text().split()) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


def compare(folder):
    comparison = compare_strategies(
        GaussianNB(),
        {"mortal": Mortal(), "margin": UncertaintySampling("margin_of_confidence")},
        {"blobs": make_classification(80, 4, random_state=0)},
        seeds=4,
        budget=10,
        memory=folder / "results",
    )
    return [
        {name: value for name, value in row.items() if not name.startswith("seconds")}
        for row in comparison.records
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    Mortal.log = folder / "ran"
    Mortal.deadly = int(sys.argv[2]) if len(sys.argv) > 2 else None
    sys.stdout.write(json.dumps(compare(folder)))
