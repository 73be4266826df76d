import json
import math

import numpy as np
import pytest

from hellodl.about import describe
from hellodl.checkpoint import Checkpoint, save, weights_of
from hellodl.errors import UsageError
from hellodl.export.formats import export
from hellodl.nn import DigitNet
from hellodl.optim import SCHEDULES
from hellodl.training.augment import KINDS
from hellodl.training.run import choose_settings
from hellodl.training.settings import PRESETS, Settings, fitting


@pytest.mark.parametrize(
    "bad",
    [
        {"epochs": 0},
        {"epochs": 10_001},
        {"epochs": 1.5},
        {"epochs": True},
        {"batch_size": 0},
        {"lr": 0.0},
        {"lr": -0.1},
        {"lr": math.nan},
        {"lr": math.inf},
        {"lr": "0.1"},
        {"momentum": 1.0},
        {"momentum": math.nan},
        {"weight_decay": math.inf},
        {"warmup": 1.1},
        {"clean": -0.1},
        {"validation": -1},
        {"seed": -1},
        {"seed": 0.5},
        {"target_accuracy": 98.0},
        {"target_accuracy": 0.0},
        {"hidden": (128, 0)},
        {"hidden": (1 << 20, 1 << 20)},
        {"hidden": (1,) * 99},
        {"optimizer": "sdg"},
        {"schedule": "exponential"},
        {"augment": "rotate"},
        {"dataset": None},
    ],
    ids=str,
)
def test_unusable_values_are_refused_by_the_name_of_their_option(bad):
    (name,) = bad
    with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')}: is .*, expected "):
        Settings(**bad)


def test_what_needs_images_held_out_is_refused_without_them():
    with pytest.raises(UsageError, match="--validation"):
        Settings(validation=0, target_accuracy=0.9)


@pytest.mark.parametrize(
    ("dataset", "upright"), [("qmnist", "yes"), ("fashion-mnist", "no"), ("kmnist", "no")]
)
def test_digits_are_turned_upright_and_clothes_are_not(dataset, upright):
    assert fitting(None, {"dataset": dataset}, None)["upright"] == upright
    assert fitting(None, {"dataset": dataset, "upright": "yes"}, None)["upright"] == "yes"


@pytest.mark.parametrize("upright", ["yes", "no"])
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_weights_to_start_from_go_on_with_pictures_as_they_know_them(tmp_path, upright, suffix):
    net, path = DigitNet((8,), upright=upright == "yes"), tmp_path / f"weights{suffix}"
    if suffix == ".npz":
        export(net, path)
    else:
        save(path, Checkpoint(weights_of(net), describe(net)))
    assert choose_settings(None, {"init": str(path)}, None).upright == upright
    assert choose_settings(None, {"init": str(path), "upright": "no"}, None).upright == "no"


def test_weights_that_say_nothing_learned_from_pictures_as_they_are(tmp_path):
    np.savez(tmp_path / "theirs.npz", **weights_of(DigitNet((8,))))
    for name in ("theirs.npz", "missing.npz", "missing.safetensors"):
        assert choose_settings(None, {"init": str(tmp_path / name)}, None).upright == "no"


def test_a_preset_does_not_turn_what_a_resumed_run_left_as_it_was(tmp_path):
    settings = Settings(**fitting("fast", {"dataset": "fashion-mnist"}, None))
    net = DigitNet()
    path = tmp_path / "clothes.safetensors"
    save(path, Checkpoint(weights_of(net), describe(net, settings=settings.as_dict())))
    assert choose_settings("fast", {}, path) == settings


def test_adam_has_its_own_rate_for_few_pictures_too():
    assert fitting(None, {"optimizer": "adam"}, 60)["lr"] == fitting(None, {"optimizer": "adam"}, None)["lr"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_values_of_settings_and_survive_a_checkpoint(preset):
    settings = Settings(**PRESETS[preset])
    assert Settings.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings


def test_hill_is_the_chapters_own():
    """Plain hill descent: learning rate 0.1, batches of 64, nothing else."""
    hill = Settings(**PRESETS["hill"])
    assert hill == Settings(lr=0.1, batch_size=64, epochs=hill.epochs)
    assert (hill.momentum, hill.schedule, hill.augment, hill.weight_decay) == (0, "constant", "none", 0)


@pytest.mark.parametrize("change", [{"lr": None}, {"hidden": 5}, {"hidden": "ab"}, {"schedule": ["x"]}])
def test_damaged_metadata_gives_no_settings(change):
    with pytest.raises((KeyError, TypeError, UsageError)):
        Settings.from_dict({**Settings().as_dict(), **change})


def test_metadata_that_lacks_a_setting_gives_none():
    values = Settings().as_dict()
    del values["seed"]
    with pytest.raises(KeyError):
        Settings.from_dict(values)


def test_every_schedule_and_augmentation_there_is_can_be_chosen():
    assert {Settings(schedule=name).schedule for name in SCHEDULES} == set(SCHEDULES)
    assert {Settings(augment=name).augment for name in KINDS} == set(KINDS)
