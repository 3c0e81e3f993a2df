"""NIR graphs step by step, node by node, in plain numpy: the other way to the same numbers."""

from typing import Any

import nir
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def run(
    graph: nir.NIRGraph, spikes: dict[str, np.ndarray], *, dt: float, profile: str = "nir"
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outputs and membranes of each neuron node, and of each Output what arrives, of shape
    (steps, neurons).

    Nodes must stand in the order of evaluation; what comes from a later one is that of the step
    before. ``spikes`` of each Input have shape (steps, *its shape).
    """
    steps = len(next(iter(spikes.values())))
    out: dict[str, np.ndarray] = {}
    state: dict[str, Any] = {}
    record: dict[str, list] = {}
    names = list(graph.nodes)
    for step in range(steps):
        now: dict[str, np.ndarray] = {}
        for name, node in graph.nodes.items():
            x: Any = 0.0
            for source in (a for a, b in graph.edges if b == name):
                later = names.index(source) >= names.index(name)
                value = out.get(source, 0.0) if later else now[source]
                if isinstance(value, np.ndarray) and isinstance(x, np.ndarray):
                    value = value.reshape(x.shape)
                x = x + value
            if isinstance(node, nir.Input):
                now[name] = spikes[name][step].astype(float)
            else:
                now[name] = _node(node, x, state.setdefault(name, {}), dt, profile)
            if "v" in state.get(name, {}):
                record.setdefault(name, []).append((now[name].ravel(), state[name]["v"].ravel()))
            elif isinstance(node, nir.Output):
                record.setdefault(name, []).append((np.ravel(x), np.ravel(x)))
        out = now
    return {
        name: (np.array([z for z, _ in rows]), np.array([v for _, v in rows]))
        for name, rows in record.items()
    }


def _node(node: nir.NIRNode, x: Any, s: dict, dt: float, profile: str) -> np.ndarray:
    if isinstance(node, (nir.Linear, nir.Affine)):
        y = node.weight @ np.ravel(x)
        return y + node.bias if isinstance(node, nir.Affine) else y
    if isinstance(node, nir.Scale):
        return x * node.scale
    if isinstance(node, nir.Conv1d):
        y = _conv(
            x[:, None], node.weight[:, :, None], (1, node.stride), node.padding,
            (1, node.dilation), node.groups, flat=True,
        )  # fmt: skip
        return y[:, 0] + node.bias[:, None]
    if isinstance(node, nir.Conv2d):
        stride, dilation = (np.broadcast_to(v, 2) for v in (node.stride, node.dilation))
        y = _conv(x, node.weight, stride, node.padding, dilation, node.groups)
        return y + node.bias[:, None, None]
    if isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        (py, px), (sy, sx) = (np.broadcast_to(v, 2) for v in (node.padding, node.stride))
        padded = np.pad(x, ((0, 0), (py, py), (px, px)))
        kernel = tuple(np.broadcast_to(node.kernel_size, 2))
        windows = sliding_window_view(padded, kernel, axis=(1, 2))[:, ::sy, ::sx]
        y = windows.sum(axis=(3, 4))
        return y / np.prod(kernel) if isinstance(node, nir.AvgPool2d) else y
    if isinstance(node, nir.Flatten):
        last = node.end_dim % x.ndim
        return x.reshape(*x.shape[: node.start_dim], -1, *x.shape[last + 1 :])
    if isinstance(node, nir.Delay):
        line = s.setdefault("line", [])
        line.append(x)
        steps = round(float(np.ravel(node.delay)[0]) / dt)
        return line[-1 - steps] if len(line) > steps else np.zeros_like(x)
    if isinstance(node, nir.Output):
        return x
    return _neuron(node, np.asarray(x), s, dt, profile)


def _conv(x, weight, stride, padding, dilation, groups, *, flat=False) -> np.ndarray:
    """One output value after the other."""
    kh, kw = weight.shape[2:]
    reach = [dilation[0] * (kh - 1) + 1, dilation[1] * (kw - 1) + 1]
    if isinstance(padding, str):
        total = [r - 1 if padding == "same" else 0 for r in reach]
        pads = [(t // 2, t - t // 2) for t in total]
    else:
        py, px = (0, int(padding)) if flat else np.broadcast_to(padding, 2)
        pads = [(py, py), (px, px)]
    x = np.pad(x, ((0, 0), *pads))
    rows = (x.shape[1] - reach[0]) // stride[0] + 1
    columns = (x.shape[2] - reach[1]) // stride[1] + 1
    y = np.zeros((len(weight), rows, columns))
    size, part = len(weight) // groups, weight.shape[1]
    for o in range(len(weight)):
        mine = x[o // size * part : (o // size + 1) * part]
        for i in range(rows):
            for j in range(columns):
                top, left = i * stride[0], j * stride[1]
                window = mine[
                    :, top : top + reach[0] : dilation[0], left : left + reach[1] : dilation[1]
                ]
                y[o, i, j] = (window * weight[o]).sum()
    return y


def _neuron(node: nir.NIRNode, x: np.ndarray, s: dict, dt: float, profile: str) -> np.ndarray:
    v = s.get("v", np.zeros_like(x))
    if isinstance(node, nir.Threshold):
        # Without memory; the membrane is recorded after the reset to 0.
        s["v"] = np.where(x > node.threshold, 0.0, x)
        return (x > node.threshold).astype(float)
    if isinstance(node, (nir.IF, nir.I)):
        v = v + (dt if profile == "nir" else 1) * node.r * x
    elif isinstance(node, (nir.CubaLIF, nir.CubaLI)):
        current = s.get("i", np.zeros_like(x))
        s["i"] = current = current + dt / node.tau_syn * (node.w_in * x - current)
        v = v + dt / node.tau_mem * (node.v_leak - v + node.r * current)
    elif profile == "sinabs":
        v = np.exp(-dt / node.tau) * v + node.r * x  # pyright: ignore[reportAttributeAccessIssue]
    else:
        n: Any = node
        v = v + dt / n.tau * (n.v_leak - v + n.r * x)
    if isinstance(node, (nir.I, nir.LI, nir.CubaLI)):
        s["v"] = v
        return np.zeros_like(v)
    threshold = node.v_threshold  # pyright: ignore[reportAttributeAccessIssue]
    if profile == "sinabs":
        z = v >= threshold
        v = v - z * threshold
        v = np.maximum(v, -threshold) if isinstance(node, nir.IF) else v
    elif profile == "snntorch":
        # reset_delay=True: what was above the threshold is subtracted from in the next step.
        v = v - (s.get("v", np.zeros_like(x)) > threshold) * threshold
        z = v > threshold
    else:
        z = v > threshold
        v = np.where(z, node.v_reset, v)  # pyright: ignore[reportAttributeAccessIssue]
    s["v"] = v
    return z.astype(float)
