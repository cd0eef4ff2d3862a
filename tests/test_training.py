import csv
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_ssl import checkpoints, data, progress, recipes, saving, training, zoo
from keras_ssl.errors import InputError

SMALL = {"encoder_options": {"widths": [4, 4, 4], "stem": 8}, "batch_size": 16, "precision": "float32", "verbose": 0}


@pytest.fixture
def small(photos):
    """48 photos of 16x16."""
    return photos[:48, ::2, ::2].copy()


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """(folder, model, history) of a finished run of two epochs, saved in the session's zoo as "finished"."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    watched = {"callbacks": [Start()], **SMALL}
    model, history = training.pretrain("rotation", dataset=photos[:48, ::2, ::2].copy(), out=out, epochs=2, **watched)
    return out, model, history


class Start(keras.callbacks.Callback):
    """Keeps the first layer's kernel as training begins."""

    def on_train_begin(self, logs=None):
        Start.kernel = self.model.get_layer("encoder").get_layer("whitening").kernel.numpy()


def batches_of(images, seed, start=0, epochs=3, **options):
    def pretext(batch, seed):
        return batch, tf.random.stateless_uniform([tf.shape(batch)[0]], seed)

    batches, steps = training.epochs_of_batches(
        data.open(images), pretext, batch_size=10, epochs=epochs, seed=seed, start=start, **options
    )
    return list(batches.as_numpy_iterator()), steps


def test_batches_are_a_function_of_seed_and_epoch(small):
    images = np.arange(48, dtype="uint8")[:, None, None, None] * np.ones((1, 2, 2, 1), "uint8")
    whole, steps = batches_of(images, seed=3)
    assert steps == 4 and len(whole) == 12
    for start in (0, 1, 2):
        part, _ = batches_of(images, seed=3, start=start)
        assert len(part) == 4 * (3 - start)
        for (x, noise), (x_whole, noise_whole) in zip(part, whole[4 * start :], strict=True):
            np.testing.assert_array_equal(x, x_whole)
            np.testing.assert_array_equal(noise, noise_whole)
    epochs = [np.concatenate([x[:, 0, 0, 0] for x, _ in whole[4 * e : 4 * e + 4]]) for e in range(3)]
    for numbers in epochs:  # each image at most once an epoch
        assert len(set(numbers)) == 40
    assert (epochs[0] != epochs[1]).any() and (epochs[1] != epochs[2]).any()
    noise = np.concatenate([n for _, n in whole])
    assert len(np.unique(noise)) > 110  # another seed for each batch
    other, _ = batches_of(images, seed=4)
    assert (other[0][0] != whole[0][0]).any() and (other[0][1] != whole[0][1]).any()


def test_workers_share_batches_and_not_files(small):
    batches, _ = training.epochs_of_batches(data.open(small), lambda x, seed: x, batch_size=8, epochs=1)
    policy = batches.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.DATA  # by file each would see other images than one alone


def test_progress_is_a_line_an_epoch_in_a_log(capsys):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = progress.Progress("tiny", steps=2, epochs=3, done=1)
    model.fit(
        np.ones((8, 2)), np.ones((8, 1)), batch_size=4, initial_epoch=1, epochs=3, verbose=0, callbacks=[callback]
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["tiny epoch 2/3", "tiny epoch 3/3"]
    assert all(re.search(r" \d+ s  loss [\d.e-]+$", line) for line in lines)
    assert callback.bar.tasks[0].completed == callback.bar.tasks[0].total == 6


def test_batches_of_an_epoch_are_a_multiple_where_there_are_enough(small):
    for times, right in ((1, 8), (3, 6), (8, 8), (9, 8)):  # of 48 images, 6 in a batch
        batches, steps = training.epochs_of_batches(
            data.open(small), lambda x, seed: x, batch_size=6, epochs=2, times=times
        )
        assert steps == right and len(list(batches)) == 2 * right


def test_a_batch_larger_than_the_data_is_cut_to_it(small):
    batches, steps = training.epochs_of_batches(data.open(small), lambda x, seed: x, batch_size=1000, epochs=2)
    assert steps == 1 and [len(x) for x in batches] == [48, 48]


def test_a_run_leaves_everything_a_person_looks_for(run):
    out, model, history = run
    files = {p.relative_to(out).as_posix() for p in out.rglob("*")}
    assert {"run.json", "history.csv", "loss.png", "picture.png", "checkpoints/epoch-0002.npz"} <= files
    assert any(f.startswith("tensorboard/train/events") for f in files)
    for picture in ("loss.png", "picture.png"):
        assert np.ptp(np.asarray(Image.open(out / picture).convert("L"))) > 100
    assert {"loss", "accuracy"} <= set(history) and all(len(v) == 2 and np.isfinite(v).all() for v in history.values())
    with open(out / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    info = zoo.info("finished")
    recipe = recipes.Recipe.from_dict(info["recipe"])
    assert (recipe.method, recipe.epochs, recipe.batch_size) == ("image.rotation", 2, 16)
    assert recipe.dataset == "own:ndarray"  # and not the row's, on which it wasn't trained
    assert json.loads((out / "run.json").read_text())["recipe"] == info["recipe"]
    for mine, saved in zip(model.get_weights(), zoo.load("finished").get_weights(), strict=True):
        np.testing.assert_array_equal(mine, saved)


def test_checkpoints_hold_the_final_weights_and_only_the_last_two_stay(run):
    out, model, _ = run
    assert checkpoints.epochs_in(out / "checkpoints") == [1, 2]
    with np.load(out / "checkpoints" / "epoch-0002.npz") as file:
        for i, weight in enumerate(model.get_weights()):
            np.testing.assert_array_equal(file[f"v{i}"], weight)


def test_a_run_is_never_overwritten(run, small):
    out, *_ = run
    before = (out / "history.csv").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        training.pretrain("rotation", dataset=small, out=out, name="elsewhere", epochs=2, **SMALL)
    with pytest.raises(InputError, match="has an entry 'finished'"):
        training.pretrain("rotation", dataset=small, out=out.with_name("finished2"), name="finished", epochs=2, **SMALL)
    assert (out / "history.csv").read_bytes() == before and not out.with_name("finished2").exists()


def test_a_run_resumes_with_its_own_values_only(run, small, tmp_path):
    out, *_ = run
    with pytest.raises(InputError, match=r"epochs, learning_rate: epochs=2, learning_rate=0\.4"):
        training.pretrain("rotation", dataset=small, out=out, resume=True, epochs=3, **{**SMALL, "learning_rate": 0.1})
    with pytest.raises(InputError, match="no run to resume"):
        training.pretrain("rotation", dataset=small, out=tmp_path / "none", resume=True, epochs=2, **SMALL)


def test_resuming_a_finished_run_gives_its_model(run, small):
    out, model, history = run
    again, history_again = training.pretrain("rotation", dataset=small, out=out, resume=True, epochs=2, **SMALL)
    for mine, weight in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, weight)
    assert history_again == history


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs and batch_size"),
        ({"optimizer": "sdg"}, "optimizer is"),
        ({"schedule": "step"}, "schedule is"),
        ({"precision": "float16"}, "precision"),
        ({"options": {"classes": 3}}, "option of rotation"),
        ({"encoder_options": {"width": 3}}, "option of convnet"),
        ({"encoder": "resnet50"}, "architecture"),
        ({"strategy": "mirored"}, "did you mean mirrored"),
        ({"method": "image.rotate"}, "image.rotation"),
        ({"learning_rat": 0.1}, "learning_rate"),
    ],
)
def test_values_that_cannot_be_are_refused_and_leave_nothing(changes, message, small, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        training.pretrain("rotation", dataset=small, out=tmp_path / "run", **{**SMALL, **changes})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()  # or the corrected command would be refused


def test_options_that_a_method_has_not_are_its_encoders():
    row = recipes.get("next_word")
    found = training.with_encoder_options(row.replace(options={"variant": "feed_forward", "loss": "softmax"}))
    assert found.options == {"loss": "softmax"}
    assert found.encoder_options == {**row.encoder_options, "variant": "feed_forward"}
    row = recipes.get("frame_prediction")  # both have a width: the method's is meant
    found = training.with_encoder_options(row.replace(options={"width": 8, "patch": 2, "lenght": 1}))
    assert found.options == {"width": 8, "lenght": 1} and found.encoder_options == {**row.encoder_options, "patch": 2}


def test_labels_are_asked_for_where_a_method_needs_them(small, tmp_path):
    with pytest.raises(InputError, match="needs images with labels"):
        training.pretrain("supervised", dataset=small, out=tmp_path / "run", **SMALL)
    with pytest.raises(InputError, match="48 classes.* tells 10 apart: give --set classes=48"):
        training.pretrain("supervised", dataset=(small, np.arange(48)), out=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_by_default_a_run_folder_names_the_entry(small, tmp_path, own_zoo, monkeypatch):
    class Stop(Exception):
        pass

    def check_free(name, overwrite):
        raise Stop(name)

    monkeypatch.setattr(zoo, "check_free", check_free)
    monkeypatch.setattr(zoo, "bundled_names", lambda: ["rotation"])
    for folder, name in (("mine", "mine"), ("rotation", "my_rotation")):
        with pytest.raises(Stop, match=f"^{name}$"):
            training.pretrain("rotation", dataset=small, out=tmp_path / folder, **SMALL)
    with pytest.raises(Stop, match="^my_rotation$"):  # runs/rotation
        training.pretrain("rotation", dataset=small, **SMALL)


def test_a_loss_that_is_no_number_stops_the_run(small, tmp_path, own_zoo):
    values = {**SMALL, "learning_rate": 1e30, "weight_decay": 0.0, "schedule": "constant"}
    with pytest.raises(
        InputError, match=r"loss became (nan|inf) in epoch 1, step \d+: lower the learning rate"
    ) as caught:
        training.pretrain("rotation", dataset=small, out=tmp_path / "run", epochs=3, **values)
    assert "\n" not in str(caught.value) and not own_zoo.exists()


def test_mixed_precision_gives_a_plain_model(small, tmp_path, own_zoo, photos):
    values = {**SMALL, "precision": "mixed_bfloat16", "epochs": 1}
    policies = []

    class Policies(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            policies.extend(layer.compute_dtype for layer in self.model.get_layer("encoder").layers)

    model, _ = training.pretrain("rotation", dataset=small, out=tmp_path / "run", callbacks=[Policies()], **values)
    assert "bfloat16" in policies and keras.config.dtype_policy().name == "float32"
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}
    assert {w.dtype for w in model.weights} == {"float32"}
    np.testing.assert_allclose(zoo.load("run").predict(photos[:2]), model.predict(photos[:2]), atol=1e-5)


def test_a_folder_of_mixed_photos_one_of_them_corrupt(photos, tmp_path, own_zoo):
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for i in range(24):
        side = (24, 32, 40)[i % 3]
        image = Image.fromarray(photos[i]).resize((side, 32)).convert(("RGB", "L", "RGBA")[i % 3])
        file = folder / ("inner" if i % 2 else "") / f"{i}.{'png' if i % 3 == 2 else ('jpg', 'png')[i % 2]}"
        image.save(file)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    values = {**SMALL, "batch_size": 8, "epochs": 1, "size": 16}
    with pytest.warns(UserWarning, match="broken.jpg"):
        model, history = training.pretrain("rotation", dataset=folder, out=tmp_path / "run", **values)
    assert np.isfinite(history["loss"]).all() and model.predict(photos[0]).shape == (4,)
    assert zoo.info("run")["recipe"]["dataset"] == str(folder)


def test_the_first_layer_starts_from_the_whitening_of_the_images_at_hand(run, small):
    pixels = small / 64.0 - 2
    corners = [pixels[:, i : i + 15, j : j + 15] for i in (0, 1) for j in (0, 1)]
    patches = np.stack(corners, axis=3).reshape(-1, 12)  # of 2x2 pixels
    whitened = patches @ Start.kernel.reshape(12, 8)
    np.testing.assert_allclose(np.cov(whitened, rowvar=False), np.eye(8), atol=0.05)


# Bit-equal after kill -9: each run in a process of its own, forked before TensorFlow has begun with anything.

RUN = """
import json, os, signal, sys
import keras, numpy as np, tensorflow as tf
from keras_ssl import architectures, training

def noisy(shape):
    inner = architectures.build("convnet", shape, widths=(4, 4, 4), stem=8)
    x = keras.layers.SpatialDropout2D(0.3)(keras.layers.GaussianNoise(1.0)(inner.output))
    return keras.Model(inner.input, x, name="encoder")

class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (2, 1):
            os.kill(os.getpid(), signal.SIGKILL)

def run(job, out, kill=False, resume=False):
    tf.config.experimental.enable_op_determinism()
    data = job.pop("texts", np.load(sys.argv[1]))
    if job.get("encoder"):
        job["encoder"] = noisy
    model, history = training.pretrain(
        dataset=data, out=out, resume=resume, epochs=4, callbacks=[Kill()] if kill else [], **job
    )
    assert len(history["epoch"]) == 4, history
    assert all(np.isfinite(values).all() for values in history.values()), history

job, left = json.loads(sys.argv[2]), []
for options in ({"out": "whole"}, {"out": "killed", "kill": True}, {"out": "killed", "resume": True}):
    child = os.fork()
    if not child:
        run(job, **options)
        sys.stdout.flush()
        os._exit(0)  # an exception ends it with another code
    ended = os.waitpid(child, 0)[1]
    assert ended == (signal.SIGKILL if options.get("kill") else 0), (options, ended)
    left.append(sorted(os.listdir("killed/checkpoints")) if os.path.isdir("killed") else [])
    left.append(sorted(os.listdir("zoo")))
print(json.dumps(left))
"""
GAN = {
    **SMALL,
    "recipe": "gan",
    "options": {"noise": 8},
    "encoder_options": {"widths": [4, 4, 4, 4]},
}
VQVAE = {
    **SMALL,
    "recipe": "vqvae",
    "options": {"vectors": 32, "code": 4, "revive": 0.9, "width": 4, "prior": [8, 1]},
    "encoder_options": {"widths": [4, 4]},
}
TEXTS = {
    "texts": ["the king ruled the old land", "we cook the fish with rice and salt tonight"] * 24,
    "least": 1, "window": 32, "batch_size": 4, "verbose": 0,
}  # fmt: skip
JOBS = {
    "word2vec": {
        **TEXTS,
        "recipe": "word2vec",
        "steps_per_execution": 1,
        "encoder_options": {"width": 8},
        "options": {"drawn": 4, "sample": 0},
    },
    "masked_lm": {**TEXTS, "recipe": "masked_lm", "encoder_options": {"width": 8, "depth": 1, "heads": 2}},
    "translation": {
        **TEXTS,
        "texts": ["the king ruled\tder König herrschte", "we cook the fish\twir kochen den Fisch"] * 12,
        "recipe": "translation",
        "options": {"vectors": "random"},
        "encoder_options": {"width": 8, "depth": 1, "dropout": 0.1},
    },
    "next_word": {**TEXTS, "recipe": "next_word", "encoder_options": {"width": 8, "dropout": 0.3}},
    # with layers that draw random numbers
    "rotation": {**SMALL, "recipe": "rotation", "encoder": "noisy", "precision": "mixed_bfloat16"},
    "gan": GAN,  # two optimizers
    "vqvae": VQVAE,  # weights that no gradient moves, and dead codes
    "rbm": {**SMALL, "recipe": "rbm", "encoder_options": {"units": 8}},  # Markov chains that go on
    "inpainter": {**SMALL, "recipe": "inpainter", "options": {"loss": "joint", "width": 4, "wide": 4}},  # two as well
}


@pytest.mark.parametrize("name", JOBS)
def test_a_killed_run_resumes_to_the_same_weights(name, photos, tmp_path, fresh):
    np.save(tmp_path / "images.npy", photos[:48, ::2, ::2])
    left = fresh(RUN, tmp_path / "images.npy", json.dumps(JOBS[name]), cwd=tmp_path, KERAS_SSL_ZOO="zoo")
    kept = ["epoch-0001.npz", "epoch-0002.npz"]
    assert json.loads(left)[1:4] == [["whole"], kept, ["whole"]]  # killed in the third of four epochs
    whole, resumed = (saving.open_keras_file(tmp_path / "zoo" / n / "model.keras") for n in ("whole", "killed"))
    for a, b in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    last = [np.load(tmp_path / n / "checkpoints" / "epoch-0004.npz") for n in ("whole", "killed")]
    assert last[0].files == last[1].files and len(last[0].files) > 2 * len(whole.trainable_weights)  # optimizers too
    for key in last[0].files:
        np.testing.assert_array_equal(last[0][key], last[1][key])
    histories = [(tmp_path / n / "history.csv").read_text() for n in ("whole", "killed")]
    assert histories[0] == histories[1]


def test_a_run_is_replaced_only_when_asked(small, tmp_path, own_zoo):
    values = {**SMALL, "dataset": small, "out": tmp_path / "run", "epochs": 1}
    training.pretrain("rotation", **values)
    with pytest.raises(InputError, match="--resume.*--overwrite.*--out"):
        training.pretrain("rotation", name="other", **values)
    (tmp_path / "run" / "notes.txt").write_text("mine")
    _, history = training.pretrain("rotation", overwrite=True, learning_rate=0.01, **values)
    assert len(history["loss"]) == 1 and (tmp_path / "run" / "notes.txt").read_text() == "mine"
    for old in (tmp_path / "run" / "checkpoints").iterdir():  # as of a run that failed in its first epoch
        old.unlink()
    training.pretrain("rotation", name="other", **values)


def test_resuming_on_more_images_is_refused(small, tmp_path, own_zoo):
    values = {**SMALL, "out": tmp_path / "run"}
    training.pretrain("rotation", dataset=small[:32], epochs=1, **values)
    with pytest.raises(InputError, match="2 batches an epoch, this data makes 3"):
        training.pretrain("rotation", dataset=small, epochs=1, resume=True, **values)


def test_a_trained_encoder_keeps_its_first_layer(run, small, tmp_path, own_zoo):
    folder, model, _ = run
    model.save(tmp_path / "trained.keras")
    kernel = model.get_layer("encoder").get_layer("whitening").kernel.numpy()
    values = {**SMALL, "encoder_options": {}, "callbacks": [Start()], "epochs": 1}
    training.pretrain(
        "rotation", dataset=255 - small, encoder=tmp_path / "trained.keras", out=tmp_path / "run", **values
    )
    np.testing.assert_array_equal(Start.kernel, kernel)


def test_the_split_for_choosing_leaves_images_out(small, tmp_path, own_zoo):
    seen = []

    class Steps(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    values = {**SMALL, "batch_size": 6, "epochs": 1, "callbacks": [Steps()]}
    training.pretrain("rotation", dataset=small[:40], split="fit", out=tmp_path / "run", **values)
    assert len(seen) == 36 // 6
    with pytest.raises(InputError, match="fit"):
        training.pretrain("rotation", dataset=small, split="test", out=tmp_path / "other", **values)
