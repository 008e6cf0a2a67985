"""A spec with gaps becomes a whole plan, or is refused with the setting that is wrong."""

import pytest
from PIL import Image

from core.data.augmentation import AUGMENTATIONS
from core.data.importing import import_data
from core.errors import InputError, NotFoundError, WeightsError
from core.jobs import queue
from core.methods import plan as presets
from core.methods.plan import resolve_request
from core.methods.presets import PRESET_HELP
from core.methods.pretrained import BACKBONES
from core.methods.strategies import STRATEGIES
from core.schemas import ResolvedSpec, TrainingSpec


def plan(**values):
    return resolve_request(TrainingSpec.model_validate(values))


@pytest.mark.parametrize("preset", ["quick", "balanced", "thorough"])
@pytest.mark.parametrize("kind", ["textures", "penguins"])
def test_every_preset_leaves_nothing_open_and_says_what_it_filled(kind, preset, request):
    dataset = request.getfixturevalue(kind)
    spec = plan(data=dataset.name, preset=preset)
    made = queue.enqueue(TrainingSpec(data=dataset.name, preset=preset))
    assert spec.data == f"{dataset.id}@{dataset.version}"
    assert (made.spec, made.dataset, made.version, made.n) == (spec, dataset.id, dataset.version, dataset.n)
    assert made.name and made.test_hash
    probe = spec.strategy == "linear_probe"
    assert bool(spec.batch_size) != probe and (spec.l2 is None) == (kind == "textures")
    if kind == "textures":
        assert spec.backbone and spec.strategy and spec.image_size and not spec.learner
        assert (not spec.fine_tune_epochs) == (spec.strategy == "linear_probe")
    else:
        assert spec.learner and not (spec.backbone or spec.strategy or spec.image_size)
    assert resolve_request(spec.request()) == spec
    assert preset in PRESET_HELP[dataset.kind]


def test_what_the_person_said_wins_over_the_preset(textures):
    spec = plan(data=textures.id, preset="thorough", backbone="efficientnet_lite1", batch_size=3, l2=0.0, seed=7)
    assert (spec.backbone, spec.batch_size, spec.l2, spec.seed) == ("efficientnet_lite1", 3, 0.0, 7)


def test_an_augmentation_brings_settings_that_a_person_may_override(textures):
    textbook = AUGMENTATIONS["textbook"]
    spec = plan(data=textures.id, strategy="two_stage", augmentation=textbook)
    assert (spec.image_size, spec.batch_size) == (150, 32)
    spec = plan(data=textures.id, strategy="two_stage", augmentation=textbook, image_size=96, batch_size=8)
    assert (spec.image_size, spec.batch_size) == (96, 8)
    light = plan(data=textures.id, strategy="two_stage", augmentation=AUGMENTATIONS["light"])
    assert light.batch_size != 32


def test_a_name_is_taken_or_made_from_the_method(textures):
    assert queue.enqueue(TrainingSpec(data=textures.id, name="mine")).name == "mine"
    assert "EfficientNet-Lite0" in queue.enqueue(TrainingSpec(data=textures.id)).name
    assert "3 folds" in queue.enqueue(TrainingSpec(data=textures.id, folds=3)).name


def test_runs_judged_on_folds_and_on_the_test_part_are_kept_apart(textures):
    hashes = [queue.enqueue(TrainingSpec(data=textures.id, folds=folds)).test_hash for folds in (None, 2, 3)]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize(
    ("dataset", "values", "named"),
    [
        ("textures", {"backbone": "resnet_900"}, "resnet_900"),
        ("textures", {"strategy": "osmosis"}, "osmosis"),
        ("textures", {"learner": "network"}, "learner"),
        ("textures", {"folds": 13}, "12 distinct samples"),
        ("penguins", {"strategy": "linear_probe"}, "strategy"),
        ("penguins", {"backbone": "efficientnet_lite0"}, "backbone"),
        ("penguins", {"image_size": 64}, "image_size"),
        ("penguins", {"unfreeze": 2}, "unfreeze"),
        ("textures", {"strategy": "linear_probe", "unfreeze": 2}, "unfreeze"),
        ("penguins", {"learner": "logistic_regression", "epochs": 3}, "epochs"),
        ("penguins", {"learner": "magic"}, "magic"),
        ("unlabelled", {}, "no labels"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(dataset, values, named, request):
    with pytest.raises(InputError) as caught:
        plan(data=request.getfixturevalue(dataset).id, **values)
    assert named in caught.value.message
    assert caught.value.hint


def test_data_is_named_whole_and_must_exist(textures):
    with pytest.raises(InputError, match="names one part"):
        plan(data=f"{textures.id}:train")
    with pytest.raises(NotFoundError, match="nowhere"):
        plan(data="nowhere")
    with pytest.raises(NotFoundError, match="abcdef"):
        plan(data=f"{textures.id}@abcdef")


def test_weights_that_are_missing_or_damaged_are_told_with_the_remedy(textures, lab, monkeypatch):
    backbone = BACKBONES["efficientnet_lite1"]
    placed = lab / "weights" / backbone.weights_file
    placed.parent.mkdir()
    placed.write_bytes(b"not what was published")
    with pytest.raises(WeightsError, match="damaged") as caught:
        plan(data=textures.id, backbone=backbone.name)
    assert caught.value.hint
    assert backbone.name not in presets.available_models("image")
    placed.unlink()
    assert backbone.name in presets.available_models("image")
    monkeypatch.setattr("core.methods.backbone.find_weights", lambda _: None)
    with pytest.raises(WeightsError, match="not installed") as caught:
        plan(data=textures.id, backbone=backbone.name)
    assert backbone.package in caught.value.hint
    assert presets.available_models("image") == []


@pytest.mark.parametrize("side", [1, 8, 24, 32, 56, 57, 100, 320, 4000])
@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_input_size_is_native_for_large_images_and_never_far_above_small_ones(backbone, side):
    size = presets.input_size(backbone.input_size, side)
    assert 96 <= size <= backbone.input_size
    assert size == backbone.input_size or size % 32 == 0
    assert size <= max(96, 4 * side + 16)
    assert size >= min(backbone.input_size, side)
    assert presets.input_size(backbone.input_size, side + 1) >= size


def test_small_pictures_get_a_small_input_unless_told_otherwise(textures, lab, tmp_path):
    for name in ("dark", "light"):
        (tmp_path / name).mkdir()
        for i in range(8):
            Image.new("RGB", (300, 250), (i, 255 * (name == "light"), 9)).save(tmp_path / name / f"{i}.png")
    large = import_data(tmp_path, name="large").dataset
    sizes = [plan(data=d.id).image_size for d in (textures, large)]
    assert sizes[0] < sizes[1] == BACKBONES["efficientnet_lite0"].input_size
    assert plan(data=textures.id, image_size=200).image_size == 200


def test_what_can_be_chosen_can_be_trained(textures, penguins):
    assert presets.available_models("image")
    for backbone in presets.available_models("image"):
        assert plan(data=textures.id, backbone=backbone).backbone == backbone
    for learner in presets.available_models("table"):
        assert plan(data=penguins.id, learner=learner).learner == learner


@pytest.mark.parametrize("strategy", [s.name for s in STRATEGIES.values() if "fine_tune_epochs" in s.uses])
def test_epochs_from_the_command_line_are_those_of_the_last_stage(strategy):
    assert STRATEGIES[strategy].epochs_field == "fine_tune_epochs"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_field_that_epochs_sets_is_one_that_the_strategy_reads_or_it_is_refused(strategy):
    chosen = STRATEGIES[strategy]
    assert chosen.epochs_field in (*chosen.uses, "epochs")


@pytest.mark.parametrize(
    ("field", "value", "strategy"),
    [
        ("pull", 1.0, "linear_probe"),
        ("pull", 1.0, "two_stage"),
        ("teacher_weight", 0.2, "l2_sp"),
        ("alignment_weight", 2.0, "fine_tune"),
        ("epochs", 3, "fine_tune"),
        ("epochs", 3, "linear_probe"),
        ("learning_rate", 0.1, "two_stage"),
        ("optimizer", "sgd", "l2_sp"),
        ("dropout", 0.5, "textbook"),
        ("unfreeze", 2, "linear_probe"),
        ("trees", 10, "linear_probe"),
    ],
)
def test_an_option_that_a_strategy_does_not_honour_is_refused_by_name(textures, field, value, strategy):
    with pytest.raises(InputError, match=f"“{field}” does not apply"):
        plan(data=textures.id, strategy=strategy, **{field: value})


def test_the_strength_of_l2_sp_is_a_setting_with_a_default(textures):
    assert plan(data=textures.id, strategy="l2_sp").pull == 0.1
    assert plan(data=textures.id, strategy="l2_sp", pull=3.0).pull == 3.0
    with pytest.raises(ValueError, match="pull"):
        TrainingSpec(data=textures.id, strategy="l2_sp", pull=-1)


def test_a_spec_stored_before_strengths_were_settings_keeps_the_old_ones():
    old = ResolvedSpec.model_validate({"data": "d", "strategy": "l2_sp"})
    assert (old.pull, old.teacher_weight, old.alignment_weight, old.monitor) == (0.1, 0.5, 1.0, "loss")
    assert "pull" not in old.model_dump()


@pytest.mark.parametrize(
    ("learner", "field", "value"),
    [("random_forest", "epochs", 5), ("logistic_regression", "trees", 5), ("network", "estimators", 5),
     ("gradient_boosting", "learning_rate", 0.1), ("network", "pull", 1.0), ("bagging", "backbone", "pinhole")],
)  # fmt: skip
def test_an_option_that_a_learner_does_not_honour_is_refused_by_name(penguins, learner, field, value):
    with pytest.raises(InputError, match=f"“{field}” does not apply"):
        plan(data=penguins.id, learner=learner, **{field: value})


def test_a_strategy_with_a_model_of_its_own_refuses_the_settings_of_the_learner(penguins):
    source = import_data("sample:penguins", name="penguins elsewhere").dataset
    how = {"data": penguins.id, "source": (source.id,), "strategy": "tradaboost", "learner": "random_forest"}
    spec = plan(**how)
    assert resolve_request(spec.request()) == spec
    with pytest.raises(InputError, match="“trees” does not apply"):
        plan(**how, trees=7)
    assert plan(**how, class_weights="none").class_weights == "none"
