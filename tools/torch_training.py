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
WARMUP, DECAY, EPSILON = 0.02, 1e-4, 1e-7
SPECIAL, MASK, HIDDEN = 3, 2, 0.15
BYTES = {"text": "uint16", "clips": "uint8"}


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
    np.savez_compressed(file, recipe=json.dumps(recipe.to_dict()), asked=asked, **arrays, **weights)
    print(f"{file}: {len(weights)} weights, " + ", ".join(f"{k} {v.shape}" for k, v in arrays.items()))


def adopt(file, target):
    """Saves the trained model as a zoo entry, if it answers as the trained network did."""
    from keras_ssl import data, modalities, training, zoo
    from keras_ssl.layers.vocabulary import Lexicon
    from keras_ssl.recipes import Recipe

    with np.load(file) as found:
        found = dict(found)
    recipe = Recipe.from_dict(json.loads(str(found["recipe"])))
    known = Lexicon(json.loads(str(found["lexicon"])), recipe.punctuation) if "lexicon" in found else (
        recipe.window, 64, 64, 1)  # fmt: skip
    model = training.build(recipe, known)
    model.set_weights(ordered(found))
    asked = [found["asked"].astype("int32" if "lexicon" in found else "float32")]
    if len(model.inputs) == 2:
        asked.append(np.tile(np.arange(20, dtype="int32"), (2, 1)))
    answers = np.asarray(model(asked if len(asked) > 1 else asked[0], training=False))
    answers = answers[..., 1:] if "lexicon" in found else answers  # padding fits nowhere
    apart = np.abs(answers - found["answers"][..., -answers.shape[-1] :]).max() / np.abs(answers).max()
    print(f"answers differ by {apart:.1e} of the largest")
    if apart > 1e-3:
        sys.exit("torch_training: the two networks don't answer alike")
    opened = modalities.of(recipe.method).open(recipe) if "lexicon" in found else data.open(recipe.dataset)
    model = model.kept() if hasattr(model, "kept") else model
    print(zoo.save(model, target, recipe=recipe, dataset=opened, overwrite=True, made=str(found["made"])))


def ordered(arrays):
    return [arrays[name] for name in sorted(arrays) if name.startswith("weight_")]


def train(file, out, seconds):
    """Trains for so many seconds and writes the weights, in Keras's order and layout."""
    import torch

    with np.load(file) as arrays:
        arrays = dict(arrays)
    recipe = json.loads(str(arrays["recipe"]))
    name = {"masked_language_model": "masked_lm", "language_model": "next_word"}.get(
        recipe["method"].split(".")[1], "frame_prediction"
    )
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
    made = f"PyTorch {torch.__version__} on {card} in {seconds:.0f} s, by tools/torch_training.py"
    np.savez(out, recipe=json.dumps(recipe), made=made, asked=arrays["asked"], answers=answers, **kept, **weights)
    print(f"{out}: {steps} steps of {batch}, {steps * batch / task.count:.2f} epochs of {task.count}")


class Task:
    """What is trained. weights: tensors in Keras's order; count: examples of an epoch; changes: to the recipe."""

    changes = {}

    def __init__(self, recipe, arrays, device):
        import torch

        self.options, self.device, self.training = recipe["encoder_options"], device, True
        self.weights = [
            torch.nn.Parameter(torch.from_numpy(each.astype("float32")).to(device), requires_grad=not self.moving(i))
            for i, each in enumerate(ordered(arrays))
        ]

    @staticmethod
    def moving(place):
        """Whether the weight there is a moving average, which isn't learnt."""
        return False

    def kept(self):
        """The weights in Keras's layout."""
        return self.weights

    def taking(self):
        """A function that gives the next weight in their order."""
        rest = iter(self.weights)
        return lambda: next(rest)


class Texts(Task):
    def __init__(self, recipe, arrays, device):
        import torch

        super().__init__(recipe, arrays, device)
        self.windows = torch.from_numpy(arrays["windows"].astype("int32")).to(device)
        self.count, self.order = len(self.windows), []

    def batch(self, size):
        """Windows (size, T), in a new order each time that all were taken."""
        import torch

        if len(self.order) < size:
            self.order = torch.randperm(self.count, device=self.device)
        rows, self.order = self.order[:size], self.order[size:]
        return self.windows[rows].long()

    def block(self, x, given, take, causal):
        """A transformer block: keras_ssl.architectures.transformer, with its layers' ways."""
        import torch
        from torch.nn.functional import gelu, scaled_dot_product_attention

        count, heads = x.shape[1], self.options.get("heads", 4)
        y = self.norm(x, take(), take())
        distances, inward, inward_bias, outward, outward_bias = (take() for _ in range(5))
        parts = (y @ inward + inward_bias).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        places = torch.arange(count, device=self.device)
        apart = places - places[:, None] + distances.shape[1] // 2
        seen = (given != 0)[:, None, None]
        if causal:
            seen = seen & (places[:, None] >= places)
        scores = torch.where(seen, distances[:, apart][None], -1e4).to(parts.dtype)
        y = scaled_dot_product_attention(*parts.unbind(0), attn_mask=scores).transpose(1, 2).flatten(2)
        x = x + y @ outward + outward_bias
        y = self.norm(x, take(), take())
        wide, wide_bias, narrow, narrow_bias = (take() for _ in range(4))
        return x + gelu(y @ wide + wide_bias) @ narrow + narrow_bias

    @staticmethod
    def norm(x, gamma, beta):
        from torch.nn.functional import layer_norm

        return layer_norm(x.float(), gamma.shape, gamma, beta, 1e-6)


class MaskedWords(Texts):
    """keras_ssl.methods.text.masked_language_model."""

    def loss(self, size):
        import torch
        from torch.nn.functional import cross_entropy

        windows = self.batch(size)
        most, words_known = math.ceil(HIDDEN * windows.shape[1]), self.weights[0].shape[0]
        eligible = windows >= SPECIAL
        places = (torch.rand(windows.shape, device=self.device) + eligible).topk(most).indices
        words = windows.gather(1, places)
        share = (eligible.sum(1, keepdim=True) * HIDDEN).round().clamp(min=1)
        chosen = (torch.arange(most, device=self.device) < share) & (words >= SPECIAL)
        kind = torch.rand(words.shape, device=self.device)
        others = torch.randint(SPECIAL, words_known, words.shape, device=self.device)
        said = torch.where(kind < 0.8, MASK, torch.where(kind < 0.9, others, words))
        told = windows.scatter(1, places, torch.where(chosen, said, words))
        nats = cross_entropy(self.scores(told, places).flatten(0, 1).float(), words.flatten(), reduction="none")
        return (nats * chosen.flatten()).sum() / chosen.sum()

    def scores(self, ids, places):
        from torch.nn.functional import gelu

        take = self.taking()
        table = take()
        x = table[ids] * (ids != 0)[..., None]
        for _ in range(self.options["depth"]):
            x = self.block(x, ids, take, causal=False)
        x = self.norm(x, take(), take()) * (ids != 0)[..., None]
        x = x.gather(1, places[..., None].expand(-1, -1, x.shape[-1]))
        x = self.norm(gelu(x @ take() + take()), take(), take())
        return x @ table.T + take()

    def answers(self, windows):
        import torch

        places = torch.arange(20, device=self.device).expand(len(windows), -1)
        return self.scores(windows, places)


class NextWord(Texts):
    """keras_ssl.methods.text.language_model, by the whole softmax."""

    changes = {"options": {"loss": "softmax"}}

    def __init__(self, recipe, arrays, device):
        import torch

        super().__init__(recipe, arrays, device)
        self.variant = self.options.get("variant", "recurrent")
        if self.variant == "recurrent":
            width = self.weights[0].shape[1]
            self.lstm = torch.nn.LSTM(width, width, batch_first=True).to(device)
            inward, again, bias, (own_inward, own_again, own_bias, zero) = *self.weights[1:4], self.lstm.parameters()
            with torch.no_grad():
                own_inward.copy_(inward.T), own_again.copy_(again.T), own_bias.copy_(bias), zero.zero_()
            zero.requires_grad_(False)
            self.weights[1:4] = [own_inward, own_again, own_bias]

    def loss(self, size):
        import torch
        from torch.nn.functional import cross_entropy

        windows = self.batch(size)
        before = torch.nn.functional.pad(windows[:, :-1], (1, 0), value=MASK)
        before = torch.where(windows != 0, torch.where(before != 0, before, MASK), 0)
        scores = self.scores(before, self.options.get("dropout", 0.2))
        return cross_entropy(scores.flatten(0, 1).float(), windows.flatten(), ignore_index=0)

    def scores(self, ids, dropout=0.0):
        import torch
        from torch.nn.functional import dropout as dropped
        from torch.nn.functional import relu

        take = self.taking()
        table = take()
        x = dropped(table[ids] * (ids != 0)[..., None], dropout)
        if self.variant == "recurrent":
            take(), take(), take()
            x = self.lstm(x)[0]
        elif self.variant == "feed_forward":
            order = self.options.get("order", 6)
            padded = torch.nn.functional.pad(x, (0, 0, order - 1, 0))
            x = torch.cat([padded[:, i : i + x.shape[1]] for i in range(order)], dim=-1)
            x = relu(x @ take() + take())
            x = relu(x @ take() + take())
            x = x @ take() + take()
        else:
            for _ in range(self.options.get("depth", 1)):
                x = self.block(x, ids, take, causal=True)
        x = dropped(self.norm(x, take(), take()), dropout) * (ids != 0)[..., None]
        return x @ table.T + take()

    def kept(self):
        turned = (1, 2) if self.variant == "recurrent" else ()
        return [each.T if i in turned else each for i, each in enumerate(self.weights)]

    def answers(self, windows):
        return self.scores(windows)


class Frames(Task):
    """keras_ssl.methods.video.frame_prediction of moving images, each batch of new clips of data.moving_sets."""

    count = 30_000

    def __init__(self, recipe, arrays, device):
        import torch

        super().__init__(recipe, arrays, device)
        self.images = torch.nn.functional.pad(torch.from_numpy(arrays["images"]).to(device), (1, 1, 1, 1))
        self.side, self.frames, self.depth = 64, recipe["window"], 4

    @staticmethod
    def moving(place):
        """Two of the five weights of each convolution; before each half's eight of them stand two other weights."""
        inside = [place - 2, place - 2 - 40 - 2]
        return any(0 <= each < 40 and each % 5 in (2, 3) for each in inside)

    def clips(self, size):
        """(size, T, 64, 64) in 0..255."""
        import torch

        which = torch.randint(len(self.images), (size, 2), device=self.device)
        starts = torch.rand((size, 2, 1, 2), device=self.device)
        angles = 2 * math.pi * torch.rand((size, 2, 1), device=self.device)
        velocities = 0.1 * torch.stack([angles.sin(), angles.cos()], dim=-1)
        inner = self.images.shape[1] - 2
        way = starts + velocities * torch.arange(self.frames, device=self.device)[:, None]
        way = torch.minimum(way % 2, 2 - way % 2)
        corners = (way * (self.side - inner)).round().long()  # (size, 2, T, 2)
        places = torch.arange(self.side, device=self.device) - corners[..., None] + 1
        rows, columns = places.clamp(0, inner + 1).unbind(3)  # (size, 2, T, 64), 0 and inner + 1 are black
        moved = self.images[which[:, :, None, None, None], rows[..., None], columns[..., None, :]]
        return moved.amax(1)

    def loss(self, size):
        clips = self.clips(size).float()
        half = self.frames // 2
        found = self.predicted(clips[:, :half])
        return ((found - clips[:, half:] / 127.5) ** 2).mean()

    def predicted(self, frames):
        """What follows frames (N, T, H, W) in 0..255, in units of 127.5."""
        import torch
        from torch.nn.functional import conv2d

        take = self.taking()
        x = (frames / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        x = conv2d(x, self.kernel(take()), take(), stride=4)
        x = self.blocks(x, take)
        x = conv2d(x, self.kernel(take()), take())
        x = self.blocks(x, take)
        with torch.autocast(self.device, enabled=False):
            x = conv2d(x.float(), self.kernel(take()), take())
        n, _, height, width = x.shape
        x = x.unflatten(1, (-1, 4, 4)).permute(0, 1, 4, 2, 5, 3)
        return x.reshape(n, -1, height * 4, width * 4)

    def blocks(self, x, take):
        from torch.nn.functional import batch_norm, conv2d, relu

        for _ in range(self.depth):
            y = x
            for _ in "ab":
                gamma, beta, mean, variance, kernel = (take() for _ in range(5))
                y = batch_norm(y, mean, variance, gamma, beta, self.training, 0.05, 1e-3)
                y = conv2d(relu(y), self.kernel(kernel), padding=1)
            x = x + y
        return x

    @staticmethod
    def kernel(weight):
        return weight.permute(3, 2, 0, 1)

    def answers(self, clips):
        self.training = False
        return 127.5 * self.predicted(clips[..., 0].float())[..., None]


if __name__ == "__main__":
    main()
