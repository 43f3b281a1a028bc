"""Fit CTGAN or TVAE to a CSV file and draw rows; called by `tabular.py`, `generator_defaults.py`.

It runs in an interpreter of its own, which has ``ctgan`` and not skgal: ctgan's licence forbids it
to be a dependency. Rows go in and come out as CSV; what is printed is JSON.

    PYTHON_WITH_CTGAN benchmarks/tabular_ctgan.py CTGAN 0 300 1000 train.csv drawn.csv income job
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from ctgan import CTGAN, TVAE

MISSING = "missing"


def main(name, seed, epochs, n_rows, source, target, *discrete):
    """Fit with the defaults but for the epochs; a missing category is one of its own."""
    torch.set_num_threads(1)
    np.random.seed(int(seed))  # noqa: NPY002, what ctgan draws from
    torch.manual_seed(int(seed))
    frame = pd.read_csv(source, dtype=dict.fromkeys(discrete, str), keep_default_na=False)
    for column in discrete:
        frame[column] = frame[column].replace("", MISSING).astype(object)
    model = {"CTGAN": CTGAN, "TVAE": TVAE}[name](epochs=int(epochs), enable_gpu=False)
    start = time.process_time()
    model.fit(frame, list(discrete))
    seconds = time.process_time() - start
    model.sample(int(n_rows)).replace(MISSING, "").to_csv(target, index=False)
    print(json.dumps({"seconds": seconds, "version": version("ctgan")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
