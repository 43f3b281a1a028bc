"""
Design in a box, or in what a generator has learnt?
===================================================

Trusses as they are built are no random mixture of their dimensions: long ones are high, and thick
bars are made of weaker steel. A :class:`~skgal.generators.DesignBox` takes each range as it is. A
:class:`~skgal.generators.GIN` learns which combinations occur, and designs within them.
"""

import matplotlib.pyplot as plt
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgal import AISEL, GIN, ActiveLearner, DesignBox, energy_distance, make_truss

trusses = make_truss(60, n_test=5000, random_state=0)
generators = {
    "box": DesignBox().fit(trusses.X),
    "GIN": GIN(latent_dim=6, max_iter=800, random_state=0).fit(trusses.X),
}

# %%
# How far are 500 designs of each from 500 real ones? The energy distance of standardised designs, 0
# for the same distribution:

scaler = StandardScaler().fit(trusses.X_test)
drawn = {name: each.sample(500, random_state=0) for name, each in generators.items()}
distances = {
    name: energy_distance(scaler.transform(X), scaler.transform(trusses.X_test[:500]))
    for name, X in drawn.items()
}
{name: round(float(distance), 3) for name, distance in distances.items()}

# %%
# The same strategy in either space, 60 more runs in three rounds:

model = make_pipeline(StandardScaler(), SVC(C=100))
scores = {"60 given designs": model.fit(trusses.X, trusses.y).score(trusses.X_test, trusses.y_test)}
for name, generator in generators.items():
    learner = ActiveLearner(
        model,
        AISEL(FrozenEstimator(generator)),
        oracle=trusses.oracle,
        batch_size=20,
        budget=60,
        random_state=0,
    ).fit(trusses.X, trusses.y)
    scores[f"+ 60 in the {name}"] = learner.score(trusses.X_test, trusses.y_test)

# %%
# Each panel has the real designs in grey. The box covers corners that are never built; that is
# worth it if such designs matter to you, and costs nothing to train. The bars are accuracies on
# real designs.

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
i, j = 1, 2
names = trusses.feature_names
for ax, (name, X) in zip(axes, drawn.items(), strict=False):
    ax.scatter(*trusses.X_test[:1000, [i, j]].T, s=6, c="0.75", label="real designs")
    ax.scatter(
        *X[:200, [i, j]].T, s=14, c="C0" if name == "box" else "C1", label=f"from the {name}"
    )
    ax.set(xlabel=f"{names[i]} ({trusses.units[i]})", ylabel=f"{names[j]} ({trusses.units[j]})")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.15), ncols=2)
bars = axes[2].barh(
    list(scores), [100 * score for score in scores.values()], color=["0.6", "C0", "C1"]
)
axes[2].bar_label(bars, fmt="%.1f", padding=3)
axes[2].set(xlabel="accuracy, %", xlim=(80, 101), title="What 60 more runs bring")
axes[2].invert_yaxis()
plt.show()
