"""A Keras network rebuilt in PyTorch, layer by layer, for the packages that explain PyTorch only.

It takes what networks of the field are mostly made of: convolutions over one axis, dense layers, normalisations, pools,
elementwise activations, sums, products and concatenations. Any other layer is refused by name. Every nonlinearity is a
module of its own that is used once, as the DeepLIFT of captum and tangermeme asks for.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from tangermeme.deep_lift_shap import BilinearOp
from torch import nn


class Exp(nn.Module):
    """The exponential, as a module that the packages can be told of."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.exp()


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity, "relu": nn.ReLU, "silu": nn.SiLU, "swish": nn.SiLU, "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid, "softplus": nn.Softplus, "exponential": Exp, "tanh": nn.Tanh,
    "softmax": partial(nn.Softmax, 1),
}  # fmt: skip


def _tensor(array: Any) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


class Dense(nn.Linear):
    """A dense layer along the channels (N, C, L), or of rows (N, C)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.transpose(1, -1)).transpose(1, -1)


class Flatten(nn.Module):
    """Flatten (N, C, L) as Keras does (N, L, C)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, -1).flatten(1)


class Average(nn.Module):
    """The mean over the positions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(-1)


class Crop(nn.Module):
    def __init__(self, before: int, after: int):
        super().__init__()
        self.before, self.after = before, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., self.before : x.shape[-1] - self.after]


class Sum(nn.Module):
    def forward(self, *several: torch.Tensor) -> torch.Tensor:
        return sum(several[1:], several[0])


class Joined(nn.Module):
    """A concatenation along the channels."""

    def forward(self, *several: torch.Tensor) -> torch.Tensor:
        return torch.cat(several, 1)


class Product(BilinearOp):
    """A product of two signals, of which one may be the same at every position (N, C)."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        rank = max(a.ndim, b.ndim)
        a, b = (one if one.ndim == rank else one.unsqueeze(-1) for one in (a, b))
        return super().forward(*torch.broadcast_tensors(a, b))


def _padding(layer: Any, size: int, stride: int, dilation: int, length: int | None) -> tuple[int, int]:
    """How much TensorFlow pads before and behind."""
    if layer.padding == "valid":
        return 0, 0
    reach = (size - 1) * dilation + 1
    if stride == 1:
        whole = reach - 1
    elif length is None:
        raise NotImplementedError(f"strides of a free length in {layer.name}")
    else:
        whole = max((-(-length // stride) - 1) * stride + reach - length, 0)
    return whole // 2, whole - whole // 2


def _convolution(layer: Any) -> nn.Module:
    kernel, (size,), (stride,), (dilation,) = (
        layer.kernel.numpy(), layer.kernel_size, layer.strides, layer.dilation_rate,
    )  # fmt: skip
    made = nn.Conv1d(
        kernel.shape[1] * layer.groups, kernel.shape[2], size, stride, dilation=dilation, groups=layer.groups,
        bias=layer.use_bias,
    )  # fmt: skip
    made.weight = _tensor(kernel.transpose(2, 1, 0))
    if layer.use_bias:
        made.bias = _tensor(layer.bias.numpy())
    padding = _padding(layer, size, stride, dilation, layer.input.shape[1])
    return nn.Sequential(nn.ConstantPad1d(padding, 0.0), made) if any(padding) else made


def _dense(layer: Any) -> nn.Module:
    kernel = layer.kernel.numpy()
    made = Dense(*kernel.shape, bias=layer.use_bias)
    made.weight = _tensor(kernel.T)
    if layer.use_bias:
        made.bias = _tensor(layer.bias.numpy())
    return made


def _norm(layer: Any) -> nn.Module:
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    made = nn.BatchNorm1d(len(mean), eps=layer.epsilon)
    made.running_mean, made.running_var = torch.tensor(mean), torch.tensor(variance)
    made.weight = _tensor(layer.gamma.numpy() if layer.scale else np.ones_like(mean))
    made.bias = _tensor(layer.beta.numpy() if layer.center else np.zeros_like(mean))
    return made


def _pool(layer: Any) -> nn.Module:
    (size,), (stride,) = layer.pool_size, layer.strides
    if type(layer).__name__ == "AveragePooling1D":
        if layer.padding != "valid":
            raise NotImplementedError(f"a padded average in {layer.name}")
        return nn.AvgPool1d(size, stride)
    padding = _padding(layer, size, stride, 1, layer.input.shape[1])
    made = nn.MaxPool1d(size, stride)
    return nn.Sequential(nn.ConstantPad1d(padding, -torch.inf), made) if any(padding) else made


MADE: dict[str, Callable[[Any], nn.Module]] = {
    "Conv1D": _convolution, "Dense": _dense, "BatchNormalization": _norm, "MaxPooling1D": _pool,
    "AveragePooling1D": _pool, "Activation": lambda layer: nn.Identity(), "Dropout": lambda layer: nn.Identity(),
    "Flatten": lambda layer: Flatten(), "GlobalAveragePooling1D": lambda layer: Average(),
    "Cropping1D": lambda layer: Crop(*layer.cropping), "Add": lambda layer: Sum(),
    "Concatenate": lambda layer: Joined(), "Multiply": lambda layer: Product(),
}  # fmt: skip


def _module(layer: Any) -> nn.Module:
    kind = type(layer).__name__
    if kind not in MADE:
        raise NotImplementedError(f"no twin of {kind} ({layer.name})")
    made, activation = MADE[kind](layer), getattr(layer, "activation", None)
    if activation is None or activation.__name__ == "linear":
        return made
    if activation.__name__ not in ACTIVATIONS:
        raise NotImplementedError(f"no twin of the activation {activation.__name__} ({layer.name})")
    return nn.Sequential(made, ACTIVATIONS[activation.__name__]())


def _listed(one: Any) -> list:
    return list(one) if isinstance(one, (list, tuple)) else [one]


def _layers(model: Any) -> list:
    return [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]


class Twin(nn.Module):
    """The Keras network as a PyTorch one: (N, 4, L) to the number that is explained, (N, 1).

    Parameters
    ----------
    model
        A functional or sequential model of Keras 3 or ``tf_keras``, whose layers are used once each. A model that only
        calls another one counts as that one.
    index
        Which number of the only output of a sequence is explained: a channel, or a position and a channel.
    """

    def __init__(self, model: Any, index: tuple[int, ...]):
        super().__init__()
        layers = _layers(model)
        if len(layers) == 1 and hasattr(layers[0], "layers"):
            model, layers = layers[0], _layers(layers[0])
        ends = [id(tensor) for tensor in (*_listed(model.inputs), *_listed(model.outputs))]
        if len(ends) != 2:
            raise NotImplementedError(f"a twin of {len(ends)} inputs and outputs")
        self._steps = []
        for number, layer in enumerate(layers):
            self.add_module(f"step{number}", _module(layer))
            read = [id(tensor) for tensor in _listed(layer.input)]
            self._steps.append((f"step{number}", read, id(layer.output)))
        if type(model).__name__ == "Sequential":  # It may make tensors anew for what begins and ends it.
            ends = [self._steps[0][1][0], self._steps[-1][2]]
        self._first, self._last = ends
        self._index = (slice(None), *index[::-1])
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = {self._first: x}
        for name, read, made in self._steps:
            values[made] = getattr(self, name)(*(values[one] for one in read))
        return values[self._last][self._index][:, None]
