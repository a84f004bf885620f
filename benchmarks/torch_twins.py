"""The zoo's architectures in PyTorch, up to the logits, with a Keras model's weights copied in.

Every nonlinearity is a module of its own, used once, as the DeepLIFT of captum and tangermeme asks for; products of two
signals are tangermeme's ``BilinearOp``, which its rules know and others take for a plain product.
"""

import numpy as np
import torch
from tangermeme.deep_lift_shap import BilinearOp
from torch import nn


def twin(name: str, weights: dict[str, np.ndarray]) -> nn.Module:
    """The network ``name`` for input (N, 4, L), logits out; ``weights`` by "layer/number" as Keras lists them."""
    return TWINS[name](weights).eval()


def _tensor(array) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


def _conv(weights, layer: str, **options) -> nn.Conv1d:
    kernel = weights[f"{layer}/0"]  # (width, in, out)
    made = nn.Conv1d(kernel.shape[1], kernel.shape[2], kernel.shape[0], bias=f"{layer}/1" in weights, **options)
    made.weight = _tensor(kernel.transpose(2, 1, 0))
    if made.bias is not None:
        made.bias = _tensor(weights[f"{layer}/1"])
    return made


def _dense(weights, layer: str) -> nn.Linear:
    kernel = weights[f"{layer}/0"]
    made = nn.Linear(*kernel.shape)
    made.weight, made.bias = _tensor(kernel.T), _tensor(weights[f"{layer}/1"])
    return made


def _layer_norm(weights, layer: str) -> nn.LayerNorm:
    made = nn.LayerNorm(len(weights[f"{layer}/0"]), eps=1e-3)
    made.weight, made.bias = _tensor(weights[f"{layer}/0"]), _tensor(weights[f"{layer}/1"])
    return made


def _batch_norm(weights, layer: str) -> nn.BatchNorm1d:
    gamma, beta, mean, variance = (weights[f"{layer}/{i}"] for i in range(4))
    made = nn.BatchNorm1d(len(gamma), eps=1e-3)
    made.weight, made.bias = _tensor(gamma), _tensor(beta)
    made.running_mean, made.running_var = torch.tensor(mean), torch.tensor(variance)
    return made


class _Permute(nn.Module):
    """(N, C, L) ↔ (N, L, C)."""

    def forward(self, x):
        return x.transpose(1, 2)


def _average():
    return nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten())


def _tal_gata(weights):
    return nn.Sequential(
        *(_conv(weights, "conv1"), nn.ReLU(), _conv(weights, "conv2"), nn.ReLU(), _average()),
        *(_dense(weights, "dense"), nn.ReLU(), _dense(weights, "tasks")),
    )


def _basset(weights):
    layers = []
    for number, pool in enumerate((3, 4, 4), start=1):
        layers += [_conv(weights, f"conv{number}", padding="same"), _batch_norm(weights, f"norm{number}")]
        layers += [nn.ReLU(), nn.MaxPool1d(pool)]
    layers += [_Permute(), nn.Flatten()]
    for number in (1, 2):
        layers += [_dense(weights, f"dense{number}"), nn.ReLU()]
    return nn.Sequential(*layers, _dense(weights, "tasks"))


class _Dilated(nn.Module):
    def __init__(self, weights, number: int):
        super().__init__()
        self.dilation = 2**number
        self.conv, self.relu = _conv(weights, f"dilated{number}", dilation=self.dilation), nn.ReLU()

    def forward(self, x):
        return x[:, :, self.dilation : -self.dilation] + self.relu(self.conv(x))


def _bpnet(weights):
    """The counts head alone, as the profile plays no part in it."""
    count = sum(key.startswith("dilated") and key.endswith("/0") for key in weights)
    blocks = [_Dilated(weights, number) for number in range(1, count + 1)]
    return nn.Sequential(_conv(weights, "stem"), nn.ReLU(), *blocks, _average(), _dense(weights, "counts"))


class _Attention(nn.Module):
    """Keras' MultiHeadAttention of a signal with itself, on (N, L, C)."""

    def __init__(self, weights, layer: str):
        super().__init__()
        arrays = [weights[f"{layer}/{i}"] for i in range(8)]
        self.heads, self.size = arrays[0].shape[1:]
        flat = {}
        for i, part in enumerate(("query", "key", "value")):
            flat[f"{part}/0"], flat[f"{part}/1"] = (
                arrays[2 * i].reshape(len(arrays[0]), -1),
                arrays[2 * i + 1].ravel(),
            )
        flat["out/0"], flat["out/1"] = arrays[6].reshape(-1, arrays[6].shape[-1]), arrays[7]
        self.query, self.key, self.value, self.out = (_dense(flat, part) for part in ("query", "key", "value", "out"))
        self.compare, self.gather, self.softmax = BilinearOp(), BilinearOp(), nn.Softmax(dim=-1)

    def forward(self, x):
        def split(y):
            return y.reshape(*y.shape[:2], self.heads, self.size).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        attention = self.softmax(self.compare(query, key.transpose(-1, -2)) / self.size**0.5)
        return self.out(self.gather(attention, value).transpose(1, 2).flatten(2))


class _Block(nn.Module):
    def __init__(self, weights, number: int):
        super().__init__()
        self.attention_norm = _layer_norm(weights, f"attention_norm{number}")
        self.attention = _Attention(weights, f"attention{number}")
        self.feed = nn.Sequential(
            *(_layer_norm(weights, f"feed_norm{number}"), _Permute()),
            *(_conv(weights, f"feed_wide{number}", padding="same"), nn.GELU(), _Permute()),
            _dense(weights, f"feed_narrow{number}"),
        )

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed(x)


def _transformer(weights):
    count = sum(key.startswith("attention_norm") and key.endswith("/0") for key in weights)
    return nn.Sequential(
        *(_conv(weights, "stem", padding="same"), nn.ReLU(), nn.MaxPool1d(4), _Permute()),
        *(_Block(weights, number) for number in range(1, count + 1)),
        *(_layer_norm(weights, "norm"), _Permute(), _average(), _dense(weights, "tasks")),
    )


TWINS = {"tal_gata": _tal_gata, "basset": _basset, "bpnet": _bpnet, "transformer": _transformer}
