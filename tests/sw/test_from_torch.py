"""The description of a torch network computes what torch does."""

import subprocess
import sys

import numpy as np
import pytest

from hubel.sw import from_torch, torch_modules
from hubel.sw.ann import forward

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'hubel[torch]'")
nn = torch.nn


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def trained(*layers):
    """A Sequential in float64 whose normalisations have seen something."""
    net = nn.Sequential(*layers).double()
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
            if module.affine:
                module.weight.data.uniform_(0.5, 2.0)
                module.bias.data.normal_()
    return net.eval()


NETWORKS = {
    "dense": (lambda: [nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)], (12,)),
    "no bias, last ReLU": (lambda: [nn.Linear(12, 8, bias=False), nn.ReLU()], (12,)),
    "norm": (
        lambda: [nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3)],
        (12,),
    ),
    "conv": (
        lambda: [
            nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
            nn.BatchNorm2d(4, affine=False),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(4, 6, 3, padding="same", groups=2),
            nn.ReLU(),
            nn.Dropout2d(),
            nn.AvgPool2d((1, 2)),
            nn.Flatten(),
            nn.Linear(6 * 3 * 2, 5),
        ],
        (2, 12, 13),
    ),
    "pools first and twice": (
        lambda: [nn.AvgPool2d(2), nn.AvgPool2d(1, 3), nn.Identity(), nn.Conv2d(1, 2, 2)],
        (1, 9, 13),
    ),
    "nested": (
        lambda: [nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU()), nn.Linear(8, 2)],
        (3, 2, 2),
    ),
}


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "pools first and twice"])
def test_computes_what_torch_does(name):
    layers, shape = NETWORKS[name]
    net = trained(*layers())
    values = np.random.default_rng(1).normal(size=(7, *shape))
    *_, found = forward(from_torch(net, shape), values.reshape(7, -1))
    expected = net(torch.from_numpy(values)).detach().numpy().reshape(7, -1)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_pools_that_overlap_are_refused():
    layers, shape = NETWORKS["pools first and twice"]
    with pytest.raises(ValueError, match=r"layer '1' \(AvgPool2d\): only windows without overlap"):
        from_torch(trained(*layers()), shape)


def test_names_are_paths_and_the_network_stays():
    layers, shape = NETWORKS["nested"]
    net = nn.Sequential(*layers())
    assert [layer.name for layer in from_torch(net, shape).layers] == ["0.1", "1"]
    assert net.training and net[1].weight.dtype == torch.float32


@pytest.mark.parametrize(
    "layers, shape, message",
    [
        ([nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)], (1, 8, 8),
         "layer '2' (MaxPool2d): a maximum cannot be converted to spikes; train with AvgPool2d"),
        ([nn.Linear(4, 3), nn.Sigmoid()], (4,), "layer '1' (Sigmoid): cannot be converted"),
        ([nn.Linear(4, 3), nn.GELU()], (4,), "layer '1' (GELU): cannot be converted"),
        ([nn.Conv1d(1, 2, 3)], (1, 2, 8), "layer '0' (Conv1d): cannot be converted"),
        ([nn.Linear(4, 3), nn.Linear(3, 2)], (4,), "layer '1' (Linear): follows '0' without a"),
        ([nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3)], (4,),
         "layer '2' (BatchNorm1d): must follow a Linear or Conv2d"),
        ([nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)], (4,),
         "layer '1' (BatchNorm1d): has no running statistics"),
        ([nn.Linear(4, 3)], (1, 2, 4), "layer '0' (Linear): takes flat values"),
        ([nn.Conv2d(1, 2, 3)], (9,), "layer '0' (Conv2d): takes rows and columns"),
        ([nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")], (1, 4, 4),
         "layer '0' (Conv2d): pads with 'reflect'; only zeros"),
        ([nn.Conv2d(1, 2, 2, padding="same")], (1, 4, 4), "layer '0' (Conv2d): padding 'same' of"),
        ([nn.Conv2d(1, 2, 5)], (1, 4, 4), "layer '0': its kernel does not fit 1x4x4"),
        ([nn.Flatten(2), nn.Linear(4, 3)], (1, 2, 2), "layer '0' (Flatten): only start_dim=1"),
        ([nn.AvgPool2d(3, ceil_mode=True), nn.Conv2d(1, 1, 1)], (1, 4, 4),
         "layer '0' (AvgPool2d): ceil_mode"),
        ([nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AvgPool2d(2)], (1, 4, 4),
         "the network ends in an AvgPool2d"),
        ([nn.Linear(4, 3)], (5,), "layer '0' takes 4 inputs, but what is before it has 5"),
        ([nn.Linear(4, 3)], (2, 2), "input_shape must be (features,) or (channels, rows, columns)"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_refuses_by_name(layers, shape, message):
    with pytest.raises(ValueError) as caught:
        from_torch(nn.Sequential(*layers), shape)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


class Scaled(nn.Module):
    """Does more than its children."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 3)

    def forward(self, x):
        return 2 * self.dense(x)


def test_finds_out_another_forward():
    with pytest.raises(ValueError, match=r"Scaled: its forward computes something else .*\(dense"):
        from_torch(Scaled(), (4,))


def test_forward_that_fails_is_one_line():
    class Failing(Scaled):
        def forward(self, x):
            return self.dense(x[:, :2])

    with pytest.raises(ValueError, match="Failing: its forward fails on values of shape") as caught:
        from_torch(Failing(), (4,))
    assert "\n" not in str(caught.value)


def test_a_module_whose_children_run_in_order():
    class Plain(Scaled):
        def forward(self, x):
            return self.dense(x)

    assert [layer.name for layer in from_torch(Plain(), (4,)).layers] == ["dense"]


def test_missing_torch_is_one_line():
    with pytest.raises(ImportError) as caught:
        torch_modules.needed("no_such_torch", "torch", "from_torch")
    assert str(caught.value) == (
        "from_torch needs no_such_torch, which is not installed; run: pip install 'hubel[torch]'"
    )


def test_torch_is_not_imported_before_it_is_needed():
    code = "import hubel.sw, sys; print({'torch', 'snntorch', 'sklearn'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.stdout.strip() == "set()"
