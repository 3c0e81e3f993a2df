"""A Network read from snnTorch spikes as snnTorch does, step by step."""

import numpy as np
import pytest

from hubel.hdl.population import Reset
from hubel.sw import from_snntorch
from hubel.sw.simulate import simulate

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'hubel[torch]'")
snn = pytest.importorskip(
    "snntorch", reason="snnTorch is not installed: pip install 'hubel[snntorch]'"
)
nn = torch.nn

STEPS, SAMPLES = 60, 3

# The networks below are random, and the same in every run.
torch.manual_seed(0)


def lif(kind="Leaky", neurons=None, **settings):
    """Neurons; with ``neurons`` every one has other constants."""
    if kind.endswith("Synaptic"):
        settings.setdefault("alpha", 0.7)
    settings.setdefault("beta", 0.9)
    if neurons is not None:
        settings["beta"] = torch.rand(neurons)
        settings["threshold"] = 0.1 + 0.4 * torch.rand(neurons)
        settings["learn_beta"] = settings["learn_threshold"] = True
    # snnTorch's own surrogates give float32 spikes, which do not go with float64 weights.
    settings["spike_grad"] = lambda x: (x > 0).to(x.dtype)
    return getattr(snn, kind)(**{"threshold": 0.3, "init_hidden": True, **settings})


def spikes_of(net, inputs):
    """Spikes (samples, steps, neurons) of each spiking layer of ``net``."""
    net = net.double().eval()
    layers = [m for m in net.modules() if isinstance(m, snn.SpikingNeuron)]
    fired = {id(layer): [] for layer in layers}
    for layer in layers:
        layer.reset_mem()
        layer.register_forward_hook(
            lambda module, _, out: fired[id(module)].append(
                out.detach().numpy().reshape(SAMPLES, -1)
            )
        )
    with torch.no_grad():
        for step in range(inputs.shape[1]):
            net(torch.from_numpy(inputs[:, step].astype(np.float64)))
    return [np.stack(fired[id(layer)], axis=1) for layer in layers]


CNN_SHAPE = (2, 8, 9)
NETWORKS = {
    "subtract": ([nn.Linear(12, 9), lif(), nn.Linear(9, 4), lif()], (12,)),
    "zero": (
        [nn.Linear(12, 9), lif(reset_mechanism="zero"), nn.Linear(9, 4),
         lif(reset_mechanism="zero")], (12,),
    ),
    "none": ([nn.Linear(12, 9), lif(reset_mechanism="none")], (12,)),
    "zero at once": (
        [nn.Linear(12, 9), lif(reset_mechanism="zero", reset_delay=False), nn.Linear(9, 4),
         lif("Synaptic", reset_mechanism="zero", reset_delay=False)], (12,),
    ),
    "constants of each neuron": (
        [nn.Linear(12, 9), lif(neurons=9), nn.Linear(9, 5), lif("Synaptic", neurons=5)], (12,),
    ),
    "Synaptic": (
        [nn.Linear(12, 9), lif("Synaptic"), nn.Linear(9, 4, bias=False), lif("Synaptic")], (12,)
    ),
    "Synaptic zero": (
        [nn.Linear(12, 9), lif("Synaptic", reset_mechanism="zero"), nn.Linear(9, 4), lif()], (12,)
    ),
    "conv": (
        [nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=1), nn.BatchNorm2d(4),
         lif(neurons=(4, 4, 10)), nn.AvgPool2d((1, 2)), nn.Conv2d(4, 6, 3, padding=1, groups=2),
         nn.Dropout(), lif(threshold=0.05), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(24, 9),
         lif(threshold=0.02)], CNN_SHAPE,
    ),
    "average between conv and neurons": (
        [nn.Conv2d(2, 3, 3, padding=1, stride=1, dilation=(1, 2)), nn.AvgPool2d(2),
         lif(beta=torch.rand(3, 1, 1), threshold=0.1)], CNN_SHAPE,
    ),
    "neurons without weights": (
        [lif(threshold=2.0), nn.AvgPool2d(2), lif(threshold=0.9), nn.Flatten(), lif()], CNN_SHAPE,
    ),
    "RLeaky": ([nn.Linear(12, 9), lif("RLeaky", linear_features=9)], (12,)),
    "RLeaky zero": (
        [nn.Linear(12, 9), lif("RLeaky", linear_features=9, reset_mechanism="zero")], (12,)
    ),
    "RLeaky one to one": (
        [nn.Linear(12, 9), lif("RLeaky", all_to_all=False, V=torch.rand(9) - 0.5)], (12,)
    ),
    "RLeaky conv": (
        [nn.Conv2d(2, 3, 3), lif("RLeaky", conv2d_channels=3, kernel_size=3, threshold=0.2)],
        CNN_SHAPE,
    ),
    "RSynaptic": ([nn.Linear(12, 9), lif("RSynaptic", linear_features=9)], (12,)),
    "RSynaptic zero": (
        [nn.Linear(12, 9), lif("RSynaptic", linear_features=9, reset_mechanism="zero")], (12,)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_spikes_are_those_of_snntorch(name):
    layers, shape = NETWORKS[name]
    net = nn.Sequential(*layers)
    inputs = np.random.default_rng(1).random((SAMPLES, STEPS, *shape)) < 0.4
    expected = spikes_of(net, inputs)
    network = from_snntorch(net, shape)
    found = simulate(network, inputs.reshape(SAMPLES, STEPS, -1)).spikes
    assert network.profile == "snntorch"
    for have, want in zip(found, expected, strict=True):
        assert 0.01 < want.mean() < 0.99
        np.testing.assert_array_equal(have, want)


def test_a_late_reset_is_another_one():
    """The networks above would tell the two apart."""
    net = nn.Sequential(*NETWORKS["subtract"][0])
    assert {p.reset for p in from_snntorch(net, (12,)).populations} == {Reset.SOFT_LATE}


class Net(nn.Module):
    """Written as in the tutorials: states are handed on."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 9)
        self.lif1 = snn.Leaky(beta=0.9)
        self.fc2 = nn.Linear(9, 4)
        self.lif2 = snn.Leaky(beta=0.8)


def test_a_module_whose_children_run_in_order():
    network = from_snntorch(Net(), (12,))
    assert [p.name for p in network.populations] == ["lif1", "lif2"]
    assert [p.name for p in network.projections] == ["fc1", "fc2"]
    assert network.outputs == ("lif2",)
    assert network.populations[1].decay == pytest.approx(0.8)


SHARED = snn.Leaky(beta=0.9)


@pytest.mark.parametrize(
    "layers, shape, message",
    [
        ([nn.Linear(4, 3), lif(reset_delay=False)], (4,),
         "layer '1' (Leaky): reset_delay=False with 'subtract'"),
        ([nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), lif()], (1, 8, 8),
         "layer '1' (MaxPool2d): cannot be read; from_snntorch knows Linear"),
        ([nn.Linear(4, 3), nn.ReLU(), lif()], (4,), "layer '1' (ReLU): cannot be read"),
        ([nn.Linear(4, 3), snn.Alpha(alpha=0.9, beta=0.8)], (4,), "layer '1' (Alpha): cannot be"),
        ([nn.Linear(4, 3), snn.Lapicque(beta=0.9)], (4,), "layer '1' (Lapicque): cannot be read"),
        ([nn.Linear(4, 3), nn.Linear(3, 2), lif()], (4,), "layer '1' (Linear): follows '0'"),
        ([nn.Linear(4, 3), lif(), nn.Linear(3, 2)], (4,), "the network must end in neurons"),
        ([nn.Linear(4, 3), lif(graded_spikes_factor=2.0)], (4,), "layer '1' (Leaky): graded_"),
        ([nn.Linear(4, 3), lif(state_quant=abs)], (4,), "layer '1' (Leaky): inhibition and"),
        ([nn.Linear(4, 3), lif(threshold=-1.0)], (4,), "layer '1' (Leaky): threshold must be 0 or"),
        ([nn.Linear(4, 3), lif(beta=torch.rand(4))], (4,), "layer '1' (Leaky): beta of shape (4,)"),
        ([nn.Linear(4, 4), SHARED, nn.Linear(4, 4), SHARED], (4,),
         "layer '3' (Leaky): is used twice"),
        ([nn.Linear(4, 4), nn.AvgPool2d(2), lif()], (4,), "layer '1' (AvgPool2d): takes rows and"),
        ([nn.Conv2d(1, 2, 1), lif("RLeaky", conv2d_channels=2, kernel_size=2)], (1, 4, 4),
         "layer '1' (RLeaky): its recurrence makes 2x5x5 of 2x4x4 neurons"),
        ([nn.Linear(4, 3), lif("Synaptic", alpha=1.0)], (4,),
         "layer '1' (Synaptic): alpha of 1 adds up the bias of '0' without end"),
        ([lif()], (2, 2), "sample_shape must be (features,) or (channels, rows, columns)"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_refuses_by_name(layers, shape, message):
    with pytest.raises(ValueError) as caught:
        from_snntorch(nn.Sequential(*layers), shape)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
