import numpy as np
import pytest
import torch

from skgal.classifiers import UpdatesLoader
from skgal.nn import torch_generator
from skgal.training import TrainingData


def make_data(n_samples, batch_size, seed=0, labels=None):
    return TrainingData(torch.arange(n_samples), labels, batch_size, torch_generator(seed))


def test_each_row_comes_once_a_pass():
    data = make_data(10, 4)
    drawn = torch.cat([data.next()[0] for _ in range(5)])
    assert sorted(drawn[:10].tolist()) == list(range(10))
    assert sorted(drawn[10:].tolist()) == list(range(10))
    assert drawn[:10].tolist() != drawn[10:].tolist()


def test_small_data_make_small_batches():
    assert sorted(make_data(3, 64).next()[0].tolist()) == [0, 1, 2]


def test_same_generator_same_order_and_a_state_goes_on():
    first, second = make_data(50, 8, seed=7), make_data(50, 8, seed=7)
    assert all(torch.equal(first.next_rows(), second.next_rows()) for _ in range(20))
    third = make_data(50, 8, seed=1)
    third.load_state_dict(first.state_dict())
    assert all(torch.equal(first.next_rows(), third.next_rows()) for _ in range(20))


def test_a_fork_leaves_the_draws_of_the_training_alone():
    first, second = make_data(50, 8), make_data(50, 8)
    fork = first.fork(seed=3)
    for _ in range(20):
        fork.next_rows()
    assert torch.equal(first.next_rows(), second.next_rows())


def test_labels_stay_with_their_rows_and_are_drawn_as_often_as_they_occur():
    data = make_data(10, 4, labels=100 - torch.arange(10))
    for _ in range(6):
        samples, labels = data.next()
        assert torch.equal(labels, 100 - samples)
    labels = torch.tensor([0] * 10 + [1] * 8 + [2] * 2)
    data = make_data(20, 4, labels=labels)
    share = torch.bincount(data.draw_labels(20_000)) / 20_000
    np.testing.assert_allclose(share, [0.5, 0.4, 0.1], atol=0.01)


@pytest.mark.parametrize("counts", [[5, 3, 1], [4, 4, 4], [6, 0, 2], [7], [3, 9, 9]])
def test_classes_are_drawn_by_what_they_lack(counts):
    labels = torch.cat([torch.full((n,), label) for label, n in enumerate(counts)])
    labels = labels[torch.randperm(len(labels), generator=torch_generator(1))]
    data = TrainingData(labels.clone(), labels, 4, torch_generator(0))
    lack = np.where(np.array(counts) > 0, max(counts) - np.array(counts), 0)
    if not lack.any():
        lack = np.array(counts)
    rare = data.draw_by_deficit(20_000, len(counts))
    share = np.bincount(rare, minlength=len(counts)) / 20_000
    np.testing.assert_allclose(share, lack / lack.sum(), atol=0.015)
    even = data.draw_minority_classes(20_000, len(counts))
    share = np.bincount(even, minlength=len(counts)) / 20_000
    np.testing.assert_allclose(share, (lack > 0) / (lack > 0).sum(), atol=0.015)
    assert torch.equal(data.draw_samples_of(rare, len(counts)), rare)


def test_members_of_a_class_are_drawn_evenly():
    data = make_data(7, 4, labels=torch.tensor([1, 0, 1, 1, 0, 1, 1]))
    rows = data.draw_samples_of(torch.ones(20_000, dtype=torch.long), 2)
    share = torch.bincount(rows, minlength=7) / 20_000
    np.testing.assert_allclose(share, [0.2, 0, 0.2, 0.2, 0, 0.2, 0.2], atol=0.01)


def test_number_of_updates_does_not_depend_on_the_data():
    for n_samples in (5, 500):
        with torch.random.fork_rng(devices=[]):
            loader = UpdatesLoader(list(range(n_samples)), batch_size=16, updates_per_epoch=7)
            sizes = [len(batch) for batch in loader]
        assert sizes == [16] * 7
