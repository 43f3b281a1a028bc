import torch

from skgal.classifiers import UpdatesLoader
from skgal.nn import torch_generator
from skgal.training import TensorBatches


def test_each_row_comes_once_a_pass():
    batches = TensorBatches(torch.arange(10), batch_size=4, rng=torch_generator(0))
    drawn = torch.cat([batches.next() for _ in range(5)])
    assert sorted(drawn[:10].tolist()) == list(range(10))
    assert sorted(drawn[10:].tolist()) == list(range(10))
    assert drawn[:10].tolist() != drawn[10:].tolist()


def test_small_data_make_small_batches():
    batches = TensorBatches(torch.arange(3), batch_size=64, rng=torch_generator(0))
    assert sorted(batches.next().tolist()) == [0, 1, 2]


def test_same_generator_same_order():
    first, second = (
        TensorBatches(torch.arange(50), batch_size=8, rng=torch_generator(7)) for _ in range(2)
    )
    assert all(torch.equal(first.next(), second.next()) for _ in range(20))


def test_number_of_updates_does_not_depend_on_the_data(request):
    for n_samples in (5, 500):
        with torch.random.fork_rng(devices=[]):
            loader = UpdatesLoader(list(range(n_samples)), batch_size=16, updates_per_epoch=7)
            sizes = [len(batch) for batch in loader]
        assert sizes == [16] * 7
