"""The loop: a skorch net as its users know them; seeds, averages, interrupts, checkpoints."""

import os
import pickle
import signal
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
    TensorBoard,
)
from torch import nn

from skgal.exceptions import NonFiniteLossError
from skgal.nn import Dense, torch_generator
from skgal.objectives import Objective, Penalty, resolve_objective, resolve_penalties
from skgal.training import (
    AUGMENTATIONS,
    AdversarialGame,
    GameNet,
    ReconstructionGame,
    StopTraining,
    TrainingCheckpoint,
    TrainingData,
    draw_latent,
)

DATA = torch.rand(20, 3, generator=torch_generator(5)) * 2 - 1
DENSE = Dense(hidden=(8,))
LATENT = draw_latent("uniform", 4, 2, torch_generator(0))


def make_net(callbacks=None, **settings):
    arguments = {
        "module__generator": partial(DENSE.make_generator, 2, (3,)),
        "module__critic": partial(DENSE.make_critic, (3,)),
        "module__objective": resolve_objective("nonsaturating"),
        "module__latent_dim": 2,
    }
    defaults = {"max_iter": 4, "seed": 0, "batch_size": 5, "ema_decay": 0.9}
    return GameNet(AdversarialGame, callbacks=callbacks, **arguments | defaults | settings)


def make_autoencoder(callbacks=None, **settings):
    return GameNet(
        ReconstructionGame,
        module__encoder=partial(nn.Linear, 3, 2),
        module__decoder=partial(nn.Linear, 2, 3),
        callbacks=callbacks,
        **{"max_iter": 20, "seed": 0, "batch_size": 5, "updates_per_epoch": 4} | settings,
    )


class At(Callback):
    """Raise an error at one of skorch's events, once so many updates are made."""

    def __init__(self, event, n_updates, error):
        self.event, self.n_updates, self.error = event, n_updates, error

    def __getattribute__(self, name):
        if name == object.__getattribute__(self, "event"):
            return object.__getattribute__(self, "_raise")
        return object.__getattribute__(self, name)

    def _raise(self, net, **kwargs):
        if net.n_updates_ >= self.n_updates:
            raise self.error


# Seeds, history, errors.


def test_same_seed_same_bits_and_global_state_is_neither_read_nor_written(weights):
    first = make_net().fit(DATA)
    before = torch.get_rng_state()
    with torch.random.fork_rng(devices=[]):
        torch.rand(3)
        second = make_net().fit(DATA)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(weights(first.averages_), weights(second.averages_))
    other = make_net(seed=1).fit(DATA)
    assert not torch.equal(weights(first.averages_), weights(other.averages_))


def test_history_has_a_row_an_epoch_and_callbacks_see_updates():
    seen = []

    class Spy(Callback):
        def on_batch_end(self, net, **kwargs):
            seen.append("batch")

        def on_epoch_end(self, net, **kwargs):
            seen.append("epoch")

        def on_grad_computed(self, net, named_parameters, **kwargs):
            seen.append(len(list(named_parameters)))

    net = make_net([Spy(), ("another", Spy())], max_iter=5, updates_per_epoch=2).fit(DATA)
    assert [row["updates"] for row in net.history] == [2, 4, 5]
    losses = [[row["critic_loss"], row["generator_loss"]] for row in net.history]
    assert np.isfinite(losses).all()
    assert seen.count("batch") == 2 * 5
    assert seen.count("epoch") == 2 * 3
    assert seen.count(4) == 2 * 10  # weights and biases of two layers, two networks, five updates


def test_history_holds_the_mean_loss_of_the_epoch():
    losses = []

    class Spy(Callback):
        def on_batch_end(self, net, critic_loss, **kwargs):
            losses.append(float(critic_loss))

    net = make_net([Spy()], max_iter=6).fit(DATA)
    assert net.history[-1, "critic_loss"] == pytest.approx(np.mean(losses), rel=1e-6)


class Broken(Objective):
    def critic_loss(self, real, fake):
        return fake.mean() / 0

    def generator_loss(self, fake, real=None):
        return fake.mean()


def test_non_finite_loss_stops_with_its_name():
    with pytest.raises(NonFiniteLossError, match=r"critic_loss became .*lower learning_rate"):
        make_net(module__objective=Broken(), updates_per_epoch=2, max_iter=1000).fit(DATA)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_the_default_dtype_changes_nothing(dtype, weights):
    expected = make_net().fit(DATA)
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        net = make_net().fit(DATA)
        assert torch.get_default_dtype() == dtype
        loaded = pickle.loads(pickle.dumps(net))
    finally:
        torch.set_default_dtype(default)
    for one in (net, loaded):
        assert torch.equal(weights(one.module_), weights(expected.module_))


# Averages.


def test_without_average_the_generator_itself_draws():
    net = make_net(ema_decay=None).fit(DATA)
    assert net.trained_.generator is net.module_.generator


def test_average_of_batch_norm_networks_has_statistics_of_its_own():
    def make_generator():
        return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 3), nn.Tanh())

    net = make_net(module__generator=make_generator, batch_size=20).fit(DATA)
    linear, norm, *_ = net.trained_.generator
    with torch.no_grad():
        hidden = linear(draw_latent("uniform", 20_000, 2, torch_generator(0)))
    assert torch.allclose(norm.running_mean, hidden.mean(0), atol=0.1)
    assert torch.allclose(norm.running_var, hidden.var(0), rtol=0.3)


def test_a_callback_may_draw_samples_while_training(weights):
    drawn = []

    class Draw(Callback):
        def on_epoch_end(self, net, data, **kwargs):
            with torch.no_grad():
                drawn.append(net.trained_.generator(LATENT))
                drawn.append(net.preview(data.fork(0)).generator(LATENT))

    for ema_decay in (None, 0.9):
        net = make_net([Draw()], ema_decay=ema_decay, updates_per_epoch=2).fit(DATA)
        plain = make_net(ema_decay=ema_decay, updates_per_epoch=2).fit(DATA)
        assert torch.equal(weights(net.module_), weights(plain.module_))
    assert all(torch.isfinite(samples).all() for samples in drawn)


# As any skorch net.


def test_predict_clone_and_set_params(weights):
    net = make_net().fit(DATA)
    expected = net.trained_.generator(LATENT).detach().numpy()
    np.testing.assert_array_equal(net.predict(LATENT), expected)
    twin = clone(net)
    assert not twin.initialized_
    assert torch.equal(weights(twin.fit(DATA).module_), weights(net.module_))
    changed = clone(net).set_params(lr=0.1, max_iter=2, module__critic_iter=3, optimizer__eps=1e-3)
    changed.fit(DATA)
    assert changed.n_updates_ == 2
    assert changed.module_.critic_iter == 3
    assert {group["lr"] for group in changed.optimizer_.param_groups} == {0.1}
    assert {group["eps"] for group in changed.optimizer_.param_groups} == {1e-3}
    before = weights(net.module_)
    net.set_params(module__critic_iter=2)  # makes the networks again, as skorch's nets do
    assert not torch.equal(weights(net.module_), before)
    net.set_params(seed=1).fit(DATA)
    assert not torch.equal(weights(net.module_), before)


def test_parts_may_have_step_sizes_of_their_own():
    net = make_net(part_lr={"critic": 0.5}).initialize()
    assert [group["lr"] for group in net.optimizer_.param_groups] == [0.5, 2e-4]


def test_progress_bar_counts_updates():
    bar = ProgressBar()
    make_net([bar], max_iter=6, updates_per_epoch=3).fit(DATA)
    assert (bar.pbar_.n, bar.pbar_.total) == (3, 3)


def test_early_stopping_ends_the_training_but_not_the_fit(tmp_path, weights):
    checkpoint = partial(TrainingCheckpoint, tmp_path / "game.pt", {})
    stop = EarlyStopping(monitor="updates", patience=2, sink=lambda text: None)
    settings = {"max_iter": 1000, "updates_per_epoch": 2}
    net = make_net([("stop", stop)], checkpoint=checkpoint(), **settings).fit(DATA)
    assert net.history[-1, "updates"] == 6  # the count of updates never falls
    assert not net.module_.training
    again = make_net(checkpoint=checkpoint(), **settings).fit(DATA)  # it had ended
    assert again.n_updates_ == 6
    assert torch.equal(weights(again.module_), weights(net.module_))


def test_early_stopping_puts_the_best_weights_back(weights):
    best = []

    class Note(Callback):
        def on_epoch_end(self, net, **kwargs):
            best.append(weights(net.module_))

    stop = EarlyStopping(monitor="updates", patience=2, load_best=True, sink=lambda text: None)
    net = make_net([Note(), stop], max_iter=1000, updates_per_epoch=2).fit(DATA)
    assert torch.equal(weights(net.module_), best[0])


def test_a_callback_of_ones_own_stops_by_a_signal():
    stop = At("on_epoch_end", 4, StopTraining)
    assert make_net([stop], max_iter=1000, updates_per_epoch=2).fit(DATA).n_updates_ == 4


@pytest.mark.parametrize("step_every", ["epoch", "batch"])
def test_learning_rates_follow_a_schedule(step_every):
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5, step_every=step_every)
    settings = {"max_iter": 4, "updates_per_epoch": 2, "lr": 0.1, "part_lr": {"critic": 0.4}}
    net = make_net([scheduler], **settings).fit(DATA)
    halvings = 2 if step_every == "epoch" else 4
    rates = [group["lr"] for group in net.optimizer_.param_groups]
    assert rates == pytest.approx([0.4 / 2**halvings, 0.1 / 2**halvings])


def test_gradients_are_clipped(weights):
    settings = {"optimizer": torch.optim.SGD, "lr": 1.0, "max_iter": 1}
    before = make_net(**settings).initialize().module_
    after = make_net([GradientNormClipping(1e-3)], **settings).fit(DATA).module_
    for part in ("critic", "generator"):
        moved = weights(getattr(after, part)) - weights(getattr(before, part))
        assert moved.norm() == pytest.approx(1e-3, rel=1e-3)


def test_tensorboard_gets_every_row():
    class Writer:
        def __init__(self):
            self.rows = []

        def add_scalar(self, tag, scalar_value, global_step):
            self.rows.append((tag, scalar_value))

        def close(self):
            pass

    writer = Writer()
    net = make_net([TensorBoard(writer)], max_iter=4, updates_per_epoch=2).fit(DATA)
    losses = [value for tag, value in writer.rows if "critic_loss" in tag]
    assert losses == [row["critic_loss"] for row in net.history]


def test_a_score_of_every_epoch():
    def error(net, X, y):
        return -float(((net.predict(X) - X.numpy()) ** 2).mean())

    scoring = EpochScoring(error, on_train=True, use_caching=False, name="negative_error")
    net = make_autoencoder([scoring], lr=0.1).fit(DATA)
    scores = net.history[:, "negative_error"]
    assert len(scores) == 5
    assert scores[-1] > scores[0]
    predicted = net.predict(DATA)
    assert scores[-1] == pytest.approx(-((predicted - DATA.numpy()) ** 2).mean(), rel=1e-5)


def test_parameters_are_saved_and_loaded_by_skorch(tmp_path, weights):
    net = make_net([Checkpoint(monitor=None, dirname=tmp_path)]).fit(DATA)
    loaded = make_net().initialize()
    loaded.load_params(f_params=tmp_path / "params.pt")
    assert torch.equal(weights(loaded.module_), weights(net.module_))


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match=r"must be skorch callbacks .*got 3"):
        make_net([3]).fit(DATA)


@pytest.mark.parametrize("penalty", ["spectral_norm", "gradient_penalty", "weight_clip"])
def test_pickle_carries_on_from_the_same_state(penalty, weights):
    net = make_net(module__penalties=resolve_penalties(penalty)).fit(DATA)
    copy = pickle.loads(pickle.dumps(net))
    assert torch.equal(net.trained_.generator(LATENT), copy.trained_.generator(LATENT))
    assert torch.equal(net.module_.critic(DATA), copy.module_.critic(DATA))
    assert list(copy.history) == list(net.history)
    for trained in (net, copy):
        trained.partial_fit(DATA)
    assert torch.equal(weights(net.module_), weights(copy.module_))


def test_weights_trained_on_a_gpu_load_without_one(weights):
    net = make_net().fit(DATA)
    state = net.__getstate__()
    state["device"] = "cuda" if not torch.cuda.is_available() else "cpu"
    loaded = GameNet.__new__(GameNet)
    if state["device"] == "cuda":
        with pytest.warns(UserWarning, match="cuda"):
            loaded.__setstate__(state)
    else:
        loaded.__setstate__(state)
    assert loaded.device == "cpu"
    assert torch.equal(weights(loaded.averages_), weights(net.averages_))


# Interrupts and checkpoints.


class Counting(Penalty):
    """A penalty with a state: the mean of the critic's logits so far."""

    def loss(self, critic, real, fake, *, rng=None, step=0):
        logit = critic(real).mean()
        self.mean_ = (getattr(self, "mean_", 0.0) * step + logit.detach()) / (step + 1)
        return (logit - self.mean_).square()


def make_resumable(tmp_path, callbacks=(), **settings):
    optional = [
        EarlyStopping(monitor="generator_loss", patience=3, sink=lambda text: None),
        LRScheduler("StepLR", step_size=1, gamma=0.7),
    ]
    return make_net(
        [*optional, *callbacks],
        checkpoint=None if tmp_path is None else TrainingCheckpoint(tmp_path / "game.pt", {}),
        module__penalties=(Counting(),),
        **{"max_iter": 12, "updates_per_epoch": 2} | settings,
    )


def by_signal(net, **kwargs):
    if net.n_updates_ >= 6:
        os.kill(os.getpid(), signal.SIGINT)


class CtrlC(Callback):
    """What Ctrl-C does, at an event."""

    def __init__(self, event):
        setattr(self, event, by_signal)


@pytest.mark.parametrize(
    "interrupt",
    [
        At("on_epoch_end", 6, KeyboardInterrupt),
        At("on_epoch_begin", 6, KeyboardInterrupt),
        At("on_batch_end", 7, KeyboardInterrupt),
        At("on_grad_computed", 7, KeyboardInterrupt),
        CtrlC("on_epoch_end"),
        CtrlC("on_grad_computed"),
        At("on_grad_computed", 7, ConnectionAbortedError),
    ],
    ids=lambda callback: type(callback).__name__ + "-" + "-".join(map(str, vars(callback))),
)
def test_an_interrupted_training_goes_on_to_the_same_bits(interrupt, tmp_path, weights):
    unbroken = make_resumable(None).fit(DATA)
    with pytest.raises((KeyboardInterrupt, ConnectionAbortedError)):
        make_resumable(tmp_path, [interrupt]).fit(DATA)
    resumed = make_resumable(tmp_path).fit(DATA)
    assert torch.equal(weights(resumed.module_), weights(unbroken.module_))
    assert torch.equal(weights(resumed.averages_), weights(unbroken.averages_))
    penalty, other = resumed.module_.penalties[0], unbroken.module_.penalties[0]
    assert torch.equal(penalty.mean_, other.mean_)

    def rows(net):
        return [
            {name: value for name, value in row.items() if name not in ("dur", "batches")}
            for row in net.history
        ]

    assert rows(resumed) == rows(unbroken)


@pytest.mark.parametrize("n_bits", [60])
def test_a_damaged_checkpoint_is_refused(n_bits, tmp_path):
    make_resumable(tmp_path).fit(DATA)
    path = tmp_path / "game.pt"
    content = path.read_bytes()
    rng = np.random.RandomState(0)
    for position in rng.randint(len(content), size=n_bits):
        damaged = bytearray(content)
        damaged[position] ^= 1 << rng.randint(8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"game.pt is damaged.*[Dd]elete it"):
            make_resumable(tmp_path).fit(DATA)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="is damaged"):
        make_resumable(tmp_path).fit(DATA)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        make_resumable(tmp_path).fit(DATA)


def test_a_link_in_the_place_of_a_checkpoint_is_not_followed(tmp_path):
    (tmp_path / "other").write_text("precious")
    (tmp_path / "game.pt.part").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=r"game\.pt\.part"):
        make_resumable(tmp_path).fit(DATA)
    assert (tmp_path / "other").read_text() == "precious"


def test_what_is_in_the_place_of_a_checkpoint_or_its_folder_is_named(tmp_path):
    (tmp_path / "game.pt").mkdir()
    with pytest.raises(ValueError, match=r"game\.pt is not a file"):
        make_resumable(tmp_path).fit(DATA)
    (tmp_path / "file").write_text("precious")
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    for name in ("file", "nowhere"):
        with pytest.raises(ValueError, match=rf"{name} is not a folder; pass another folder"):
            make_resumable(tmp_path / name).fit(DATA)
    assert (tmp_path / "file").read_text() == "precious"
    assert not (tmp_path / "none").exists()


# On a GPU.


@pytest.mark.cuda
def test_trains_on_a_gpu():
    net = make_net(device="cuda").fit(DATA)
    assert next(net.averages_.parameters()).is_cuda
    assert np.isfinite(net.history[-1, "critic_loss"])


@pytest.mark.cuda
def test_updates_do_not_wait_for_the_gpu():
    images = torch.zeros(20, 1, 8, 8, device="cuda")
    net = make_net(device="cuda", optimizer__fused=True).initialize()
    data = TrainingData(DATA.cuda(), None, 5, net.rng_)
    parts = net.module_.parts()
    weights = {name: list(part.network.named_parameters()) for name, part in parts.items()}
    net.train_step(data, parts, weights)  # the first one starts libraries, which does wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        net.train_step(data, parts, weights)
        AUGMENTATIONS["translation"](images, net.rng_)
    finally:
        torch.cuda.set_sync_debug_mode("default")
