"""
A GAN and a strategy of your own
================================

A GAN is a game (what is trained, and two losses) and an estimator (its parameters). A query
strategy is one method. Everything else is there: layouts, ``fit`` and ``sample``, callbacks,
checkpoints, the loop, the record of labels.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.svm import SVC

from skgal import GAN, ActiveLearner
from skgal.base import PoolStrategy
from skgal.nn import Critic
from skgal.training import AdversarialGame, Part

# %%
# The energy-based GAN of Zhao, Mathieu and LeCun (ICLR 2017): the critic is an autoencoder, and
# what it restores badly is not real.


class EnergyGame(AdversarialGame):
    """A generator against a critic whose energy is the error of an autoencoder."""

    def __init__(self, *args, decoder, **kwargs):
        super().__init__(*args, **kwargs)
        self.decoder = decoder()

    def parts(self):
        critic = torch.nn.ModuleList([self.critic, self.decoder])
        return super().parts() | {"critic": Part(critic, self.critic_batch, self.critic_loss)}

    def energy(self, samples):
        restored = self.run(self.decoder, self.run(self.critic.features, samples))
        return (restored - samples).square().flatten(1).mean(1)

    def critic_loss(self, batch):
        return self.energy(batch.real).mean() + torch.relu(0.5 - self.energy(batch.fake)).mean()

    def generator_loss(self, batch):
        return self.energy(batch.fake).mean()


def make_critic(architecture, shape):
    """Build the encoder's half of the critic."""
    return Critic(architecture.make_encoder(1, shape), 1)


class EnergyGAN(GAN):
    """A GAN whose critic is an autoencoder."""

    def __init__(self, *, latent_dim=4, max_iter=600, random_state=None):
        super().__init__(latent_dim=latent_dim, max_iter=max_iter, random_state=random_state)

    def make_game(self, architecture):
        shape = self.layout_.shape
        return EnergyGame, self.game_arguments(architecture) | {
            "critic": partial(make_critic, architecture, shape),
            "decoder": partial(architecture.make_generator, 1, shape),
        }


X, y = make_moons(400, noise=0.08, random_state=0)
energy_gan = EnergyGAN(random_state=0).fit(X)

# %%
# A strategy that asks for unsure samples far from all that is labelled:


class UnsureAndFar(PoolStrategy):
    """Small decision times large distance."""

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        labelled = X[~np.isnan(y)]
        unsure = np.exp(-np.abs(clf.decision_function(X[candidates])))
        far = cdist(X[candidates], labelled).min(axis=1)
        return candidates[np.argsort(-unsure * far)[:batch_size]]


learner = ActiveLearner(
    SVC(C=10), UnsureAndFar(), n_initial=6, batch_size=4, budget=24, random_state=0
).fit(X, y)

# %%
# Left the own GAN's samples over the real ones, right what the own strategy asked for, in order.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
left.scatter(*X.T, s=10, c="0.75", label="real")
left.scatter(*energy_gan.sample(200, random_state=0).T, s=12, c="C1", label="generated")
left.set_title("An energy-based GAN")
left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)
DecisionBoundaryDisplay.from_estimator(
    learner.estimator_, X, ax=right, response_method="predict", alpha=0.25
)
right.scatter(*X.T, c=y, s=8, alpha=0.4)
designed = learner.labelled_.X[6:]
points = right.scatter(*designed.T, c=np.arange(len(designed)), cmap="cividis", s=60, ec="k")
right.set(title=f"Accuracy with 30 labels: {learner.score(X, y):.1%}", xlabel="", ylabel="")
figure.colorbar(points, ax=right, label="order in which they were asked for")
plt.show()
