import copy
import gc
import pickle
import re
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hellodl import checkpoint, load, predicting, save
from hellodl.about import Calibration, DataIdentity, Recipe, describe
from hellodl.autograd import Tensor, grad
from hellodl.errors import ModelError, ShapeError
from hellodl.limits import weight_count
from hellodl.nn import DigitNet, Linear, cross_entropy
from hellodl.optim import SGD


class TorchNet(torch.nn.Module):
    """The chapter's network as a PyTorch user would write it."""

    def __init__(self):
        super().__init__()
        self.lc1 = torch.nn.Linear(784, 128)
        self.lc2 = torch.nn.Linear(128, 64)
        self.lc3 = torch.nn.Linear(64, 10)

    def hidden(self, x):
        return torch.relu(self.lc2(torch.relu(self.lc1(x))))

    def forward(self, x):
        return self.lc3(self.hidden(x))


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (1203, 28, 28), dtype=np.uint8)


@pytest.fixture
def model():
    model = DigitNet(rng=np.random.default_rng(5))
    for layer in model.layers:
        layer.bias.value = np.random.default_rng(6).normal(size=layer.bias.shape)
    return model


@pytest.fixture
def file(model, tmp_path):
    checkpoint.save(tmp_path / "m.safetensors", checkpoint.Checkpoint(_weights(model), describe(model)))
    return tmp_path / "m.safetensors"


@pytest.fixture
def torch_net(file):
    """The network that PyTorch makes of our file."""
    net = TorchNet()
    net.load_state_dict(load_file(file))
    return net


def scaled(model, images):
    out = np.empty((len(images), 784), np.float32)
    model.scale_pixels(images.reshape(len(images), 784), out)
    return out


def test_the_chapters_counts():
    """109,184 weights and 202 biases, in tensors of PyTorch's names and shapes."""
    shapes = {name: p.shape for name, p in DigitNet().named_parameters().items()}
    assert shapes == {name: tuple(p.shape) for name, p in TorchNet().named_parameters()}
    assert sum(np.prod(s) for n, s in shapes.items() if n.endswith("weight")) == 109_184
    assert sum(np.prod(s) for n, s in shapes.items() if n.endswith("bias")) == 202
    assert weight_count([784, 128, 64, 10]) == 109_386


def test_pytorch_gives_the_same_logits(model, torch_net, images):
    pixels = scaled(model, images)
    expected = torch_net(torch.from_numpy(pixels)).detach().numpy()
    np.testing.assert_allclose(model.scores(Tensor(pixels)).value, expected, rtol=1e-5, atol=1e-5)


def test_predict_and_hidden_agree_with_pytorch_over_several_batches(file, torch_net, images):
    """Also for a number of images that is no multiple of the batch, and read back from the file."""
    model = load(file)
    pixels = torch.from_numpy((images.reshape(-1, 784) / np.float32(255) - 0.1307) / 0.3081).float()
    np.testing.assert_allclose(
        model.predict(images), torch.softmax(torch_net(pixels), 1).detach().numpy(), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        model.hidden(images), torch_net.hidden(pixels).detach().numpy(), rtol=1e-4, atol=1e-4
    )


def test_a_picture_gets_the_same_reading_alone_and_among_others(model, images):
    alone = np.concatenate([model.predict(images[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, model.predict(images)[:5], rtol=1e-5, atol=1e-7)


def test_predicting_nothing_gives_nothing(model, images):
    assert model.predict(images[:0]).shape == (0, 10)


@pytest.mark.parametrize(
    "images",
    [np.zeros((28, 28), np.uint8), np.zeros((2, 28, 28)), np.zeros((2, 28, 28, 1), np.uint8), "a.png", [1]],
    ids=["one image", "floats", "channels", "a name", "a list"],
)
def test_what_is_no_stack_of_images_is_refused(model, images):
    """Instead of being read as something else."""
    for function in (model.predict, model.logits, model.hidden):
        with pytest.raises(ShapeError, match=r"images: are .* expected uint8 \(n, 28, 28\)"):
            function(images)


def test_images_in_a_list_and_pytorchs_are_a_stack(model, images):
    expected = model.predict(images[:3])
    for stack in (list(images[:3]), torch.tensor(images[:3])):
        np.testing.assert_array_equal(model.predict(stack), expected)


def test_predict_sees_weights_that_were_assigned(model, images):
    before = model.predict(images[:3])
    model.lc3.bias.value = np.arange(10)
    assert not np.allclose(before, model.predict(images[:3]))


def test_predict_sees_layers_that_were_replaced(model, images):
    """A program that was kept for the old layer is not used for the new one."""
    before = model.predict(images[:3])
    model.layers[2] = Linear(64, 10, np.random.default_rng(9))
    assert not np.allclose(before, model.predict(images[:3]))


def test_a_layer_is_replaced_by_its_name(model, images):
    """As one does in PyTorch to learn something else with the first layers."""
    before, model.lc3 = model.predict(images[:3]), Linear(64, 10)
    assert model.lc3 is model.layers[2]
    assert not np.allclose(before, model.predict(images[:3]))
    with pytest.raises(ShapeError, match=re.escape("lc3: its weight has shape (5, 64), expected (10, 64)")):
        model.lc3 = Linear(64, 5)


def test_repeated_predictions_build_one_graph(model, images, monkeypatch):
    """To build the graph takes longer than to run it: it is kept, for the latest few sizes of a batch."""
    built = []
    scores = DigitNet.scores
    monkeypatch.setattr(DigitNet, "scores", lambda self, x: built.append(x.shape[0]) or scores(self, x))
    for count in (5, 5, 7, 5):
        model.predict(images[:count])
    assert built == [5, 7]
    for count in range(10, 30):
        model.predict(images[:count])
    assert len(model._predictor._kept) <= predicting.KEPT


def test_a_network_goes_at_once_when_nobody_has_it_any_more(images):
    """No circle keeps its programs, 3 MB, until a collector comes: 200 runs in one process grew by 11 MB."""
    model = DigitNet()
    for answer in (model.predict, model.logits, model.hidden):
        answer(images[:3])
    gc.disable()
    try:
        last = weakref.ref(model)
        del model, answer
        assert last() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_network_that_has_predicted_can_be_copied_and_sent_to_other_processes(model, images, copied):
    """Its programs, which hold functions and arrays of its own, stay behind."""
    expected = model.predict(images[:5])
    other = copied(model)
    assert not other._predictor._kept
    np.testing.assert_array_equal(other.predict(images[:5]), expected)


def test_predictions_in_threads_do_not_mix(model, images):
    expected = [model.predict(images[i : i + 5]) for i in range(0, 500, 5)]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda i: model.predict(images[i : i + 5]), range(0, 500, 5))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_loss_and_gradients_agree_with_pytorch(model, torch_net, images):
    pixels = scaled(model, images[:32])
    labels = np.arange(32) % 10
    loss = cross_entropy(model(Tensor(pixels)), Tensor(np.eye(10)[labels]))
    expected = torch.nn.functional.cross_entropy(
        torch_net(torch.from_numpy(pixels)), torch.from_numpy(labels)
    )
    expected.backward()
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    ours = grad(loss, *model.parameters())
    for gradient, parameter in zip(ours, torch_net.parameters(), strict=True):
        scale = parameter.grad.abs().max().item()
        np.testing.assert_allclose(gradient.value / scale, parameter.grad.numpy() / scale, atol=1e-5)


def test_first_weights_have_the_variance_that_he_asks_for():
    layer = Linear(784, 500, np.random.default_rng(0))
    assert layer.weight.value.var() == pytest.approx(2 / 784, rel=0.02)
    assert not layer.bias.value.any()


def test_an_untaught_network_prefers_no_digit_by_much():
    """Scores start small: its loss is that of guessing, log 10, within a few tenths."""
    images = np.random.default_rng(1).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    losses = [
        -np.log(
            DigitNet(rng=np.random.default_rng(seed)).predict(images)[np.arange(200), np.arange(200) % 10]
        )
        for seed in range(5)
    ]
    assert np.mean(losses) == pytest.approx(np.log(10), abs=0.3)


def test_other_widths_make_other_layers():
    model = DigitNet((30, 20, 15))
    assert model.lc4.weight.shape == (10, 15)
    with pytest.raises(AttributeError, match=re.escape("DigitNet has no attribute 'lc5'")):
        _ = model.lc5


def test_a_model_is_saved_and_loaded_by_its_name_as_text(tmp_path, images):
    model, name = DigitNet((20,), pixels=(0.1, 0.4), upright=True), str(tmp_path / "m.safetensors")
    save(model, name)
    np.testing.assert_array_equal(load(name).predict(images[:2]), model.predict(images[:2]))
    model.lc2.bias.value[3] = np.nan
    with pytest.raises(ModelError, match=re.escape("m.safetensors: lc2.bias holds NaN")):
        save(model, name)
    assert load(name)


def test_what_was_found_out_about_a_model_is_saved_with_it_again(tmp_path):
    known = {"recipe": Recipe(2, 3, upright=True), "calibration": Calibration(0.5, 7)}
    about = describe(DigitNet(), **known, dataset=DataIdentity("kmnist", "0", tuple("abcdefghij")))
    before = checkpoint.Checkpoint(_weights(DigitNet()), about).model()
    save(before, tmp_path / "m.safetensors")
    after = load(tmp_path / "m.safetensors")
    for name in ("recipe", "calibration", "classes", "data"):
        assert getattr(after, name) == getattr(before, name)


def _weights(model):
    return {name: parameter.value for name, parameter in model.named_parameters().items()}


def test_predictions_follow_weights_that_an_optimizer_took_over():
    """A model that predicted before it was trained does not answer with what it knew then."""
    model, images = DigitNet(rng=np.random.default_rng(0)), np.full((3, 28, 28), 100, np.uint8)
    before = model.predict(images)
    optimizer = SGD(model.parameters(), lr=0.5)
    optimizer.gradient[...] = np.random.default_rng(1).standard_normal(optimizer.gradient.size)
    optimizer.update()
    after = model.predict(images)
    assert not np.allclose(before, after)
    fresh = DigitNet()
    for mine, its in zip(fresh.parameters(), model.parameters(), strict=True):
        mine.value = its.value
    np.testing.assert_allclose(after, fresh.predict(images), rtol=1e-5)
