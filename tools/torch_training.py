"""Trainings too long for a CPU, on a GPU that has PyTorch and not TensorFlow: the same networks, data and objectives.

    python tools/torch_training.py prepare masked_lm masked_lm.npz       # here: data, and the weights to begin with
    python tools/torch_training.py train masked_lm.npz trained.npz --seconds 400     # there: torch and numpy are enough
    python tools/torch_training.py adopt trained.npz --as my_masked_lm   # here: into the user's own zoo

For masked_lm, next_word (in each of its variants) and frame_prediction. The learning rate goes by the time that is
spent; `train` prints how many epochs that was. What the two networks answer to the same input is compared by `adopt`.
"""

import argparse
import json
import math
import sys
import time

import numpy as np

NAMES = ("masked_lm", "next_word", "frame_prediction")
# name -> (batch, learning rate, beta_2): larger batches than on a CPU, for which the rates are a little higher.
SETTINGS = {"masked_lm": (128, 2e-3, 0.98), "next_word": (64, 3e-3, 0.999), "frame_prediction": (64, 2e-3, 0.999)}
WARMUP, EPSILON = 0.02, 1e-7


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    prepared = commands.add_parser("prepare")
    prepared.add_argument("name", choices=NAMES)
    prepared.add_argument("file")
    prepared.add_argument("--set", action="append", default=[], metavar="OPTION=JSON", help="of the encoder")
    trained = commands.add_parser("train")
    trained.add_argument("file")
    trained.add_argument("out")
    trained.add_argument("--seconds", type=float, required=True)
    adopted = commands.add_parser("adopt")
    adopted.add_argument("file")
    adopted.add_argument("--as", dest="target", required=True)
    given = parser.parse_args()
    if given.command == "prepare":
        options = {name: json.loads(value) for name, value in (each.split("=", 1) for each in given.set)}
        prepare(given.name, given.file, options)
    elif given.command == "train":
        train(given.file, given.out, given.seconds)
    else:
        adopt(given.file, given.target)


def prepare(name, file, options):
    """Writes the recipe, the weights to begin with, and its data: ids of words, or images that are to move."""
    from keras_ssl import architectures, data, modalities, recipes, training

    recipe = recipes.get(name)
    recipe = recipe.replace(encoder_options={**recipe.encoder_options, **options})
    modality = modalities.of(recipe.method)
    if name == "frame_prediction":
        images = data.open(recipe.dataset.split(":")[1]).arrays("train")[0]
        model, arrays = training.build(recipe, (recipe.window, 64, 64, 1)), {"images": images[..., 0]}
        asked = np.zeros((2, 10, 64, 64, 1), "uint8")
        asked[:, :, 10:38, 10:38, 0] = images[:20, ..., 0].reshape(2, 10, 28, 28)
    else:
        ready = modality.prepare(modality.open(recipe), recipe)
        model = training.build(recipe, ready.known)
        windows = np.stack(list(ready.examples.stream("train").as_numpy_iterator()))
        arrays = {"windows": windows.astype("uint16"), "lexicon": np.array(json.dumps(list(ready.known)))}
        asked = windows[np.all(windows, axis=1)][:2]
    architectures.adapt(model, asked)
    weights = {f"weight_{i:03d}": each for i, each in enumerate(model.get_weights())}
    np.savez_compressed(file, name=name, recipe=json.dumps(recipe.to_dict()), asked=asked, **arrays, **weights)
    print(f"{file}: {len(weights)} weights, " + ", ".join(f"{k} {v.shape}" for k, v in arrays.items()))


def adopt(file, target):
    """Saves the trained model as a zoo entry, if it answers as the trained network did."""
    from keras_ssl import data, modalities, training, zoo
    from keras_ssl.layers.vocabulary import Lexicon
    from keras_ssl.recipes import Recipe

    with np.load(file) as found:
        found = dict(found)
    recipe, texts = Recipe.from_dict(json.loads(str(found["recipe"]))), "lexicon" in found
    known = Lexicon(json.loads(str(found["lexicon"])), recipe.punctuation) if texts else (recipe.window, 64, 64, 1)
    model = training.build(recipe, known)
    model.set_weights(ordered(found))
    asked = [found["asked"].astype("int32" if texts else "float32")]
    if len(model.inputs) == 2:
        asked.append(np.tile(np.arange(20, dtype="int32"), (2, 1)))
    answers, wanted = np.asarray(model(asked if len(asked) > 1 else asked[0], training=False)), found["answers"]
    if texts:  # padding fits nowhere
        answers, wanted = answers[..., 1:], wanted[..., 1:]
    apart = np.abs(answers - wanted).max() / np.abs(answers).max()
    print(f"answers differ by {apart:.1e} of the largest")
    if apart > 1e-3:
        sys.exit("torch_training: the two networks don't answer alike")
    opened = modalities.of(recipe.method).open(recipe) if texts else data.open(recipe.dataset)
    model = model.kept() if hasattr(model, "kept") else model
    print(zoo.save(model, target, recipe=recipe, dataset=opened, overwrite=True, made=str(found["made"])))


def ordered(arrays):
    """The weights among a file's arrays, in Keras's order."""
    return [arrays[name] for name in sorted(arrays) if name.startswith("weight_")]


def train(file, out, seconds):
    """Trains for so many seconds and writes the weights, in Keras's order and layout."""
    import torch
    from torch_networks import Frames, MaskedWords, NextWord

    with np.load(file) as found:
        arrays = {**found, "weights": ordered(found)}
    name, recipe = str(arrays["name"]), json.loads(str(arrays["recipe"]))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe["seed"])
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    batch, rate, beta = SETTINGS[name]
    task = {"masked_lm": MaskedWords, "next_word": NextWord, "frame_prediction": Frames}[name](recipe, arrays, device)
    learnt = [each for each in task.weights if each.requires_grad]
    optimizer = torch.optim.AdamW(learnt, rate, (0.9, beta), EPSILON, recipe["weight_decay"], fused=device == "cuda")
    began, steps, said, total, taken = time.time(), 0, 0.0, 0.0, 0
    while (spent := (time.time() - began) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min((spent + 1e-4) / WARMUP, 0.5 + 0.5 * math.cos(math.pi * spent))
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = task.loss(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        steps += 1
        if steps % 50 == 0:
            total, taken = total + float(loss.detach()), taken + 1
            if not math.isfinite(total):
                sys.exit("torch_training: the loss is no number any more")
        if spent > said:
            print(f"{name} {100 * spent:.0f} %  step {steps}  epoch {steps * batch / task.count:.2f}  "
                  f"loss {total / max(taken, 1):.4f}", flush=True)  # fmt: skip
            said, total, taken = said + 0.04, 0.0, 0
    weights = {f"weight_{i:03d}": each.detach().float().cpu().numpy() for i, each in enumerate(task.kept())}
    with torch.no_grad():
        answers = task.answers(torch.from_numpy(arrays["asked"].astype("int64")).to(device)).float().cpu().numpy()
    kept = {"lexicon": arrays["lexicon"]} if "lexicon" in arrays else {}
    recipe |= task.changes | {"epochs": max(1, round(steps * batch / task.count)), "batch_size": batch}
    recipe |= {"learning_rate": rate, "warmup": WARMUP, "precision": "mixed_bfloat16"}
    card = torch.cuda.get_device_name() if device == "cuda" else "a CPU"
    made = f"PyTorch {torch.__version__} on {card} in {seconds:.0f} s, by tools/torch_training.py{task.remark}"
    np.savez(out, recipe=json.dumps(recipe), made=made, asked=arrays["asked"], answers=answers, **kept, **weights)
    print(f"{out}: {steps} steps of {batch}, {steps * batch / task.count:.2f} epochs of {task.count}")


if __name__ == "__main__":
    main()
