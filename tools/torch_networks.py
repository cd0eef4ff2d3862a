"""Networks of keras_ssl in PyTorch, with their data and objectives, for tools/torch_training.py."""

import math

import torch
from torch.nn.functional import (
    batch_norm,
    conv2d,
    cross_entropy,
    dropout,
    gelu,
    layer_norm,
    pad,
    relu,
    scaled_dot_product_attention,
)

SPECIAL, MASK, HIDDEN = 3, 2, 0.15  # ids below the words', [MASK], and the share of words that are asked for


class Task:
    """What is trained. weights: tensors in Keras's order; count: examples of an epoch; changes: to the recipe.

    remark: what else the card is to say.
    """

    changes, remark = {}, ""

    def __init__(self, recipe, arrays, device):
        self.options, self.device, self.training = recipe["encoder_options"], device, True
        self.weights = [
            torch.nn.Parameter(torch.from_numpy(each.astype("float32")).to(device), requires_grad=not self.moving(i))
            for i, each in enumerate(arrays["weights"])
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
        super().__init__(recipe, arrays, device)
        self.windows = torch.from_numpy(arrays["windows"].astype("int32")).to(device)
        self.count, self.order = len(self.windows), []

    def batch(self, size):
        """Windows (size, T), in a new order each time that all were taken."""
        if len(self.order) < size:
            self.order = torch.randperm(self.count, device=self.device)
        rows, self.order = self.order[:size], self.order[size:]
        return self.windows[rows].long()

    def block(self, x, given, take, causal):
        """A transformer block: keras_ssl.architectures.transformer, with its layers' ways."""
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
        return layer_norm(x.float(), gamma.shape, gamma, beta, 1e-6)


class MaskedWords(Texts):
    """keras_ssl.methods.text.masked_language_model."""

    def loss(self, size):
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
        places = torch.arange(20, device=self.device).expand(len(windows), -1)
        return self.scores(windows, places)


class NextWord(Texts):
    """keras_ssl.methods.text.language_model, by the whole softmax."""

    changes = {"options": {"loss": "softmax"}}

    def __init__(self, recipe, arrays, device):
        super().__init__(recipe, arrays, device)
        self.variant = self.options.get("variant", "recurrent")
        if self.variant == "recurrent":
            width, self.depth = self.weights[0].shape[1], self.options.get("depth", 1)
            self.lstm = torch.nn.LSTM(width, width, self.depth, batch_first=True).to(device)
            own = list(self.lstm.parameters())
            for i in range(self.depth):
                (*mine, zero), place = own[4 * i : 4 * i + 4], slice(3 * i + 1, 3 * i + 4)
                with torch.no_grad():
                    zero.zero_()
                    for tensor, given in zip(mine, self.weights[place], strict=True):
                        tensor.copy_(given.T)
                zero.requires_grad_(False)
                self.weights[place] = mine

    def loss(self, size):
        windows = self.batch(size)
        before = pad(windows[:, :-1], (1, 0), value=MASK)
        before = torch.where(windows != 0, torch.where(before != 0, before, MASK), 0)
        scores = self.scores(before, self.options.get("dropout", 0.2))
        return cross_entropy(scores.flatten(0, 1).float(), windows.flatten(), ignore_index=0)

    def scores(self, ids, share=0.0):
        take = self.taking()
        table = take()
        x = dropout(table[ids] * (ids != 0)[..., None], share)
        if self.variant == "recurrent":
            for _ in range(3 * self.depth):
                take()
            x = self.lstm(x)[0]
        elif self.variant == "feed_forward":
            order = self.options.get("order", 6)
            padded = pad(x, (0, 0, order - 1, 0))
            x = torch.cat([padded[:, i : i + x.shape[1]] for i in range(order)], dim=-1)
            x = relu(x @ take() + take())
            x = relu(x @ take() + take())
            x = x @ take() + take()
        else:
            for _ in range(self.options.get("depth", 1)):
                x = self.block(x, ids, take, causal=True)
        x = dropout(self.norm(x, take(), take()), share) * (ids != 0)[..., None]
        return x @ table.T + take()

    def kept(self):
        turned = range(1, 3 * self.depth + 1) if self.variant == "recurrent" else ()
        return [each.T if i in turned else each for i, each in enumerate(self.weights)]

    def answers(self, windows):
        return self.scores(windows)


class Frames(Task):
    """keras_ssl.methods.video.frame_prediction of moving images, each batch of new clips of data.moving_sets."""

    count, remark = 30_000, ", each batch of clips drawn anew"

    def __init__(self, recipe, arrays, device):
        super().__init__(recipe, arrays, device)
        self.images = pad(torch.from_numpy(arrays["images"]).to(device), (1, 1, 1, 1))
        self.side, self.frames, self.depth = 64, recipe["window"], 4

    @staticmethod
    def moving(place):
        """Two of the five weights of each convolution; before each half's eight of them stand two other weights."""
        inside = [place - 2, place - 2 - 40 - 2]
        return any(0 <= each < 40 and each % 5 in (2, 3) for each in inside)

    def clips(self, size):
        """(size, T, 64, 64) in 0..255."""
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
