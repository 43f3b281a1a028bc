"""Networks of the ASAL paper, table 5, for ``benchmarks/query.py``."""

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skgal.generators import GAN
from skgal.nn import DCGAN
from skgal.utils import seeded_torch

IMAGE_SHAPE = (1, 28, 28)


class LeNet(nn.Sequential):
    """The classifier; it takes images as rows of bytes."""

    def __init__(self):
        super().__init__(
            nn.Unflatten(1, IMAGE_SHAPE),
            nn.Conv2d(1, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(3136, 1024),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(1024, 10),
        )

    def forward(self, X):
        return super().forward(X.float() / 255)


class Table5(DCGAN):
    """The generator, beside a critic of ours, which no query needs."""

    def make_generator(self, latent_dim, shape):
        return nn.Sequential(
            nn.Linear(latent_dim, 4096),
            nn.ReLU(),
            nn.Unflatten(1, (256, 4, 4)),
            nn.ConvTranspose2d(256, 128, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.ConvTranspose2d(128, 64, 5, stride=2, padding=2, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 1, 5, stride=2, padding=2, output_padding=1),
            nn.Tanh(),
        )


def fit_lenet(X, y):
    """Train the classifier on rows of bytes."""
    net = NeuralNetClassifier(
        LeNet(),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        max_epochs=5,
        batch_size=256,
        train_split=None,
        classes=np.arange(10),
        verbose=0,
    )
    with seeded_torch(0):
        return net.fit(X, y.astype(np.int64))


def fit_generator(X, n_updates):
    """Train the generator on rows of bytes, as a WGAN-GP; without batch norm others collapse."""
    return GAN(
        latent_dim=128,
        architecture=Table5(),
        objective="wasserstein",
        penalty="gradient_penalty",
        image_shape=IMAGE_SHAPE,
        max_iter=n_updates,
        random_state=0,
    ).fit(X)
