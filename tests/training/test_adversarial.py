import pickle
from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    GradientNormClipping,
    ProgressBar,
)
from torch import nn

from skgal.exceptions import NonFiniteLossError
from skgal.nn import Dense, torch_generator
from skgal.objectives import Objective, resolve_objective, resolve_penalties
from skgal.training import AUGMENTATIONS, AdversarialNet, InversionNet, draw_latent
from skgal.utils import seeded_torch

DATA = torch.rand(20, 3, generator=torch_generator(5)).numpy() * 2 - 1


def make_net(**kwargs):
    architecture = Dense(hidden=(8,))
    defaults = {
        "critic": partial(architecture.make_critic, (3,)),
        "objective": resolve_objective("nonsaturating"),
        "latent_dim": 2,
        "max_iter": 4,
        "seed": 0,
        "batch_size": 5,
    }
    return AdversarialNet(partial(architecture.make_generator, 2, (3,)), **defaults | kwargs)


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def test_one_update_equals_a_loop_written_by_hand():
    net = make_net(max_iter=3, critic_iter=2, ema_decay=0.7, optimizer=torch.optim.SGD, lr=0.1)
    net.fit(DATA)

    reference = make_net().initialize()  # the same seed makes the same weights
    generator, critic = reference.module_, reference.critic_
    average = weights(generator).clone()
    rng, order_rng = torch_generator(0), torch_generator(0)
    order = torch.cat([torch.randperm(20, generator=order_rng) for _ in range(2)])
    data, position = torch.as_tensor(DATA), 0

    def latent():
        return torch.rand(5, 2, generator=rng) * 2 - 1

    def step(module, loss):
        gradients = torch.autograd.grad(loss, list(module.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(module.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient

    for update in range(1, 4):
        for _ in range(2):
            real = data[order[position : position + 5]]
            position += 5
            fake = generator(latent()).detach()
            loss = nn.functional.softplus(-critic(real)).mean()
            step(critic, loss + nn.functional.softplus(critic(fake)).mean())
        step(generator, nn.functional.softplus(-critic(generator(latent()))).mean())
        decay = min(0.7, (1 + update) / (10 + update))
        average = decay * average + (1 - decay) * weights(generator)

    assert torch.allclose(weights(net.critic_), weights(critic), atol=1e-6)
    assert torch.allclose(weights(net.module_), weights(generator), atol=1e-6)
    assert torch.allclose(weights(net.ema_), average, atol=1e-6)


def test_each_step_changes_its_own_network_only():
    net = make_net().initialize()
    net.start(torch.as_tensor(DATA))
    generator, critic = weights(net.module_), weights(net.critic_)
    net.critic_step(torch.as_tensor(DATA[:5]))
    assert torch.equal(weights(net.module_), generator)
    assert not torch.equal(weights(net.critic_), critic)
    critic = weights(net.critic_)
    net.generator_step()
    assert torch.equal(weights(net.critic_), critic)
    assert not torch.equal(weights(net.module_), generator)


def test_same_seed_same_bits_and_global_state_is_neither_read_nor_written():
    first = make_net().fit(DATA)
    before = torch.get_rng_state()
    with torch.random.fork_rng(devices=[]):
        torch.rand(3)
        second = make_net().fit(DATA)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(weights(first.ema_), weights(second.ema_))
    other = make_net(seed=1).fit(DATA)
    assert not torch.equal(weights(first.ema_), weights(other.ema_))


def test_history_has_a_row_an_epoch_and_callbacks_see_updates():
    seen = []

    class Spy(Callback):
        def on_batch_end(self, net, **kwargs):
            seen.append("batch")

        def on_epoch_end(self, net, **kwargs):
            seen.append("epoch")

        def on_grad_computed(self, net, named_parameters, **kwargs):
            seen.append(len(list(named_parameters)))

    net = make_net(max_iter=5, updates_per_epoch=2, callbacks=[Spy()]).fit(DATA)
    assert [row["updates"] for row in net.history] == [2, 4, 5]
    assert all(
        np.isfinite([row["critic_loss"], row["generator_loss"]]).all() for row in net.history
    )
    assert seen.count("batch") == 5
    assert seen.count("epoch") == 3
    assert seen.count(4) == 10  # weights and biases of two layers, two networks, five updates


def test_history_holds_the_mean_loss_of_the_epoch():
    losses = []

    class Spy(Callback):
        def on_batch_end(self, net, critic_loss, **kwargs):
            losses.append(float(critic_loss))

    net = make_net(max_iter=6, callbacks=[Spy()]).fit(DATA)
    assert net.history[-1, "critic_loss"] == pytest.approx(np.mean(losses), rel=1e-6)


def test_non_finite_loss_stops_with_its_name():
    broken = Objective("broken", lambda real, fake: fake.mean() / 0, lambda fake: fake.mean())
    with pytest.raises(NonFiniteLossError, match=r"critic_loss became .*lower learning_rate"):
        make_net(objective=broken, updates_per_epoch=2, max_iter=1000).fit(DATA)


def test_interrupt_by_the_user_is_not_swallowed():
    class Interrupt(Callback):
        def on_batch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_net(callbacks=[Interrupt()]).fit(DATA)


def test_skorch_callbacks_work(tmp_path, capsys):
    callbacks = [
        ProgressBar(batches_per_epoch=2),
        Checkpoint(monitor=None, dirname=tmp_path),
        ("stop", EarlyStopping(monitor="updates", patience=2, sink=lambda text: None)),
        GradientNormClipping(1.0),
    ]
    net = make_net(max_iter=1000, updates_per_epoch=2, callbacks=callbacks).fit(DATA)
    assert net.history[-1, "updates"] == 6  # the count of updates never falls
    assert (tmp_path / "params.pt").exists()
    assert not net.module_.training
    with pytest.raises(TypeError, match=r"must be skorch callbacks .*got 3"):
        make_net(callbacks=[3]).fit(DATA)


def test_a_callback_may_draw_samples_while_training():
    drawn = []

    class Draw(Callback):
        def on_epoch_end(self, net, **kwargs):
            with torch.no_grad():
                drawn.append(net.generator_(draw_latent("uniform", 4, 2, torch_generator(0))))

    for ema_decay in (None, 0.9):
        net = make_net(callbacks=[Draw()], ema_decay=ema_decay, updates_per_epoch=2).fit(DATA)
        plain = make_net(ema_decay=ema_decay, updates_per_epoch=2).fit(DATA)
        assert torch.equal(weights(net.module_), weights(plain.module_))
    assert all(torch.isfinite(samples).all() for samples in drawn)


def test_without_average_the_generator_itself_draws():
    net = make_net(ema_decay=None).fit(DATA)
    assert net.generator_ is net.module_


def test_average_of_batch_norm_networks_has_statistics_of_its_own():
    net = AdversarialNet(
        lambda: nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 3), nn.Tanh()),
        critic=partial(Dense(hidden=(8,)).make_critic, (3,)),
        objective=resolve_objective("hinge"),
        latent_dim=2,
        max_iter=3,
        seed=0,
    ).fit(DATA)
    linear, norm = net.ema_[0], net.ema_[1]
    latent = draw_latent("uniform", 20_000, 2, torch_generator(0))
    with torch.no_grad():
        hidden = linear(latent)
    assert torch.allclose(norm.running_mean, hidden.mean(0), atol=0.05)
    assert torch.allclose(norm.running_var, hidden.var(0), rtol=0.2)


@pytest.mark.parametrize("penalty", ["spectral_norm", "gradient_penalty", "weight_clip"])
def test_pickle_carries_on_from_the_same_state(penalty):
    net = make_net(penalties=resolve_penalties(penalty)).fit(DATA)
    copy = pickle.loads(pickle.dumps(net))
    latent = draw_latent("uniform", 4, 2, torch_generator(0))
    assert torch.equal(net.generator_(latent), copy.generator_(latent))
    assert torch.equal(net.critic_(torch.as_tensor(DATA)), copy.critic_(torch.as_tensor(DATA)))
    assert list(copy.history) == list(net.history)
    for trained in (net, copy):
        trained.partial_fit(DATA)
    assert torch.equal(weights(net.module_), weights(copy.module_))


def test_weights_trained_on_a_gpu_load_without_one():
    net = make_net().fit(DATA)
    state = net.__getstate__()
    state["device"] = "cuda" if not torch.cuda.is_available() else "cpu"
    loaded = AdversarialNet.__new__(AdversarialNet)
    if state["device"] == "cuda":
        with pytest.warns(UserWarning, match="cuda"):
            loaded.__setstate__(state)
    else:
        loaded.__setstate__(state)
    assert loaded.device == "cpu"
    assert torch.equal(weights(loaded.ema_), weights(net.ema_))


@pytest.mark.cuda
def test_trains_on_a_gpu():
    net = make_net(device="cuda").fit(DATA)
    assert next(net.ema_.parameters()).is_cuda
    assert np.isfinite(net.history[-1, "critic_loss"])


@pytest.mark.cuda
def test_updates_do_not_wait_for_the_gpu():
    images = torch.zeros(20, 1, 8, 8, device="cuda")
    net = make_net(device="cuda").initialize()
    net.start(torch.as_tensor(DATA).cuda())
    net.train_step()  # the first one starts libraries, which does wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        net.train_step()
        AUGMENTATIONS["translation"](images, net.rng_)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_encoder_learns_a_linear_inverse():
    generator = _linear_generator()
    net = InversionNet(
        partial(nn.Linear, 6, 2), latent_dim=2, max_iter=800, seed=0, lr=0.05
    ).invert(generator)
    latent = draw_latent("uniform", 500, 2, torch_generator(1))
    with torch.no_grad():
        error = (net.module_(generator(latent)) - latent).abs().max()
    assert error < 0.01


def _linear_generator():
    with seeded_torch(3):
        return nn.Linear(2, 6).requires_grad_(False).eval()
