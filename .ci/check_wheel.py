"""Check an installed skgal that has its required dependencies only: no extras, no checkout."""

import importlib
import importlib.metadata
import pkgutil
import sys
from pathlib import Path

import skgal

assert "torch" not in sys.modules, "`import skgal` must not import torch"
assert Path(skgal.__file__).is_relative_to(sys.prefix), f"{skgal.__file__} isn't the installed one"
assert skgal.__version__ == importlib.metadata.version("skgal")
description = importlib.metadata.metadata("skgal").json["description"]
assert description.startswith("# skgal"), "an index page would show no README"

subpackages = [module.name for module in pkgutil.iter_modules(skgal.__path__)]
for subpackage in subpackages:
    importlib.import_module(f"skgal.{subpackage}")
for name in skgal.__all__:
    getattr(skgal, name)

import numpy as np  # noqa: E402

from skgal.generators import GAN  # noqa: E402

X = np.random.default_rng(0).uniform(size=(64, 5))
gan = GAN(max_iter=2, random_state=0).fit(X)
assert gan.sample(3).shape == (3, 5)

print(f"skgal {skgal.__version__}: {', '.join(subpackages)}; GAN.fit and sample work")
