"""The autoencoder that other generators start from."""

import numpy as np
from sklearn.covariance import ledoit_wolf

from skgal.nn import set_rng
from skgal.training import ReconstructionNet

# Adam's step size for autoencoders, whatever that of the game is.
_LEARNING_RATE = 1e-3
# Added to covariances, in units of the mean variance, so that they have Cholesky factors.
_JITTER = 1e-6


def fit_autoencoder(generator, tensor, make_encoder, make_decoder, seed):
    """Train an encoder and a decoder on the samples of a generator's ``fit``, whatever their class.

    Parameters
    ----------
    generator : estimator
        In the middle of its ``fit``; has ``autoencoder_max_iter`` and ``batch_size``.
    tensor : ndarray of shape (n_samples, *shape), dtype float32
    make_encoder, make_decoder : callables
        Make the networks; called without arguments.
    seed : int

    Returns
    -------
    ReconstructionNet
        With the encoder in ``module_`` and the decoder in ``decoder_``.
    """
    arguments = generator._training.arguments("autoencoder")
    arguments |= {"max_iter": generator.autoencoder_max_iter, "lr": _LEARNING_RATE}
    net = ReconstructionNet(
        make_encoder, decoder=make_decoder, batch_size=generator.batch_size, seed=seed, **arguments
    )
    net.initialize()
    for network in (net.module_, net.decoder_):  # some draw: dropout, categories
        set_rng(network, net.rng_)
    return net.partial_fit(tensor)


def class_gaussians(codes, labels):
    """Fit a normal distribution to the codes of each class.

    Covariances are shrunk by the formula of Ledoit and Wolf, the more the fewer codes there are. A
    class with one code has the covariance of all codes about the means of their classes.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, latent_dim)
    labels : ndarray of shape (n_samples,), dtype int64
        From 0, each at least once.

    Returns
    -------
    means : ndarray of shape (n_classes, latent_dim), dtype float32
    factors : ndarray of shape (n_classes, latent_dim, latent_dim), dtype float32
        Lower Cholesky factors of the covariances.
    """
    codes = codes.astype(np.float64)
    counts = np.bincount(labels)
    means = np.stack([codes[labels == label].mean(axis=0) for label in range(len(counts))])
    centred = codes - means[labels]
    pooled = _covariance(centred)
    covariances = [
        _covariance(centred[labels == label]) if count > 1 else pooled
        for label, count in enumerate(counts)
    ]
    return means.astype(np.float32), np.linalg.cholesky(covariances).astype(np.float32)


def _covariance(centred):
    covariance, _ = ledoit_wolf(centred, assume_centered=True)
    variance = np.trace(covariance) / len(covariance)
    return covariance + _JITTER * max(variance, _JITTER) * np.eye(len(covariance))
