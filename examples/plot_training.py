"""
How a training fails, and how to see it
=======================================

Losses of a generative adversarial network don't say how good it is: a healthy training and one that
has hardly begun can have the same. Look at samples, and at scores of samples.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from skgal import GAN, energy_distance
from skgal.inspection import TrainingHistoryDisplay
from skgal.nn import Dense

rng = np.random.default_rng(0)
angles = 2 * np.pi * rng.integers(8, size=800) / 8
X = 2 * np.column_stack([np.cos(angles), np.sin(angles)]) + 0.1 * rng.normal(size=(800, 2))

# %%
# Eight groups of points. One GAN learns for a while, one for a few updates only, and one has
# nothing that keeps its critic in bounds: its samples end in one place.

settings = {
    "healthy": {"max_iter": 900},
    "too few updates": {"max_iter": 100},
    "collapsed": {"objective": "wasserstein", "penalty": None, "max_iter": 600},
}
gans, told = {}, {}
for name, of in settings.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gans[name] = GAN(
            latent_dim=2,
            architecture=Dense(hidden=(64, 64)),
            learning_rate=1e-3,
            ema_decay=0.98,
            random_state=0,
            **of,
        ).fit(X)
    told[name] = [each.category.__name__ for each in caught]
told

# %%
# The collapse is warned of. That the second has learnt little, its losses don't tell; the distance
# of its samples from the data does.

samples = {name: gan.sample(500, random_state=0) for name, gan in gans.items()}
figure, axes = plt.subplots(2, 3, figsize=(10, 6), layout="constrained", height_ratios=(3, 2))
for (above, below), (name, gan) in zip(axes.T, gans.items(), strict=True):
    above.scatter(*X.T, s=6, c="0.75", label="data")
    above.scatter(*samples[name].T, s=6, c="#D55E00", label="generated")
    distance = energy_distance(samples[name], X)
    above.set(title=f"{name}\nenergy distance {distance:.3f}", xlim=(-2.8, 2.8), ylim=(-2.8, 2.8))
    TrainingHistoryDisplay(gan.history_).plot(below)
    below.get_legend().remove()
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
plt.show()
