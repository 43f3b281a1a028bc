"""Image sets from openml.org, through scikit-learn's download cache."""

import os
from importlib.util import find_spec

import numpy as np
from sklearn.datasets import fetch_openml

from skgal.datasets._folder import FOLDER_VARIABLE


def fetch_from_openml(name, openml_name, version, rows, image_shape, data_home):
    """Fetch rows of an image set from openml.org, or from where they were stored before."""
    try:
        X, y = fetch_openml(
            openml_name,
            version=version,
            data_home=data_home,
            as_frame=False,
            # Both give the same numbers; pandas, where there is one, is much faster.
            parser="pandas" if find_spec("pandas") else "liac-arff",
            return_X_y=True,
        )
    except OSError as error:
        raise OSError(
            f"{name} could not be downloaded from openml.org ({error}). Without a network, put "
            f"{name}.npz, laid out as skgal.datasets.load_images says, into the folder that the "
            f"environment variable {FOLDER_VARIABLE} names (now "
            f"{os.environ.get(FOLDER_VARIABLE, 'unset')})."
        ) from error
    return X[rows].astype(np.uint8).reshape(-1, *image_shape), y[rows].astype(np.int64)
