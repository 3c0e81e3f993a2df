"""What one inference takes on one side of a comparison: spikes, or multiply-accumulates."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from hubel.hdl.link_protocol import REQUEST_MOST, Command, Flag, Result, event_bytes
from hubel.hdl.mac_packets import packet_params
from hubel.hdl.mac_params import MacParams
from hubel.hdl.mac_program import MacProgram
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.sim import gateware, golden, mac, mac_gateware
from hubel.sim.frames import Answer, encode_request
from hubel.sim.mac_clocks import mac_clocks

from .compare_tasks import Task
from .convert import decide
from .encode import encode
from .fit import decaying_states
from .inference import RAM_WIDTH, ram_accesses
from .quantise_ann import quantise_values

#: Bits of a byte on the serial line.
BYTE_BITS = 10

# Samples that golden runs at once.
_CHUNK = 100


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side; numbers are means over the test images, for one inference.

    ``steps`` is None for an ANN. ``operations``: weights that were added (ACs), or products (MACs).
    ``clocks``: when inferences follow each other; ``latency_clocks``: of one alone, from the first
    packet to the last. ``link_bytes``: over the serial port, both ways. ``ram_accesses`` and
    ``dsp_operations`` count as the energy model wants them, the former for each board family.
    ``simulated`` images went through the gateware, with every output, activation or membrane and
    counter equal to golden. ``neurons`` are updated each step; ``events`` are spikes.
    """

    name: str
    accuracy: float
    steps: int | None
    operations: float
    weight_reads: float
    neurons: int
    events: float
    clocks: float
    latency_clocks: float
    link_bytes: float
    dsp_operations: float
    ram_accesses: dict[str, float]
    simulated: int

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps`` accepts."""
        return asdict(self)


def line_bytes(sent: float, received: float, event_size: int) -> float:
    """Bytes on the host link, both ways, for so many events of ``event_size`` bytes that follow
    those of the inference before: full requests, and the frames around them and their answers."""
    requests = sent * event_size / (REQUEST_MOST // event_size * event_size)
    # The last byte of an answer's payload says how many bytes of events were taken.
    answer = Answer(Command.EVENTS, 0, b"\1", Result.OK, Flag(0))
    around = len(encode_request(Command.EVENTS, 0)) + len(answer.to_bytes())
    return (sent + received) * event_size + requests * around


def mac_ram_accesses(params: MacParams, counters: dict[str, int], ram_width: int) -> int:
    """Reads and writes of block RAMs, as :func:`.inference.ram_accesses` counts them.

    A weight word and an activation are read for each clock's products; an activation is written
    once, and with it, where zeros are skipped, which of its group are not zero; groups are looked
    up; and each total meets its bias.
    """
    word_blocks = ceil(params.lanes * params.weight_width / ram_width)
    writes = counters["inputs"] + counters["activation_writes"]
    return (
        counters["weight_reads"] * word_blocks
        + counters["activation_reads"]
        + writes * (2 if params.skip_zeros else 1)
        + counters["zero_reads"]
        + counters["totals"] * ceil(params.total_width / ram_width)
    )


def mac_side(
    name: str,
    program: MacProgram,
    task: Task,
    *,
    lanes: int,
    skip_zeros: bool,
    images: int,
    cache_dir: str | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Side:
    """The ANN of ``task`` on a MAC core; the first ``images`` go through the gateware in Verilator.

    Clocks of the others come from :func:`hubel.sim.mac_clocks.mac_clocks`, which is compared with
    the simulated ones.

    Raises
    ------
    AssertionError
        If gateware and golden differ in any output, activation, counter or clock.
    """
    width = program.activation_width
    values = quantise_values(task.test, full_scale=task.full_scale, activation_width=width)
    params = program.params(lanes=lanes, skip_zeros=skip_zeros)
    on_stage(f"{name}: golden")
    trace = mac.run(program, values, lanes=lanes, skip_zeros=skip_zeros)
    clocks = mac_clocks(params, [values, *trace.activations])
    if images:
        part = values[:images]
        wanted = mac.run(program, part, lanes=lanes, skip_zeros=skip_zeros)
        found = mac_gateware.run(
            program, part, lanes=lanes, skip_zeros=skip_zeros, cache_dir=cache_dir,
            on_stage=lambda stage: on_stage(f"{name}: {stage}"),
        )  # fmt: skip
        same = zip(found.activations, wanted.activations, strict=True)
        assert all(np.array_equal(a, b) for a, b in same), f"{name}: activations differ"
        assert np.array_equal(found.logits, wanted.logits), f"{name}: logits differ"
        _same_counters(name, found.counters.total(), wanted.counters.total())
        ahead = int(clocks.finished[len(part) - 1])
        assert found.cycles == ahead, f"{name}: {found.cycles} clocks, predicted {ahead}"
    counters, n = trace.counters.total(), len(values)
    return Side(
        name=name,
        accuracy=float(np.mean(trace.labels == task.labels)),
        steps=None,
        operations=counters["macs"] / n,
        weight_reads=counters["weight_reads"] / n,
        neurons=sum(layer.shape.neurons for layer in program.layers),
        events=0.0,
        clocks=float(clocks.finished[-1]) / n,
        latency_clocks=float(clocks.latency.mean()),
        # START, the activations, END; the class, END.
        link_bytes=line_bytes(program.inputs.neurons + 2, 2, event_bytes(packet_params(params))),
        dsp_operations=counters["weight_reads"] * lanes / n,
        ram_accesses={
            family: mac_ram_accesses(params, counters, bits) / n
            for family, bits in RAM_WIDTH.items()
        },
        simulated=images,
    )


def snn_accuracy(program: Program, task: Task, steps: int) -> npt.NDArray[np.float64]:
    """Accuracy of the converted network on the test images after 1, 2, ... ``steps`` steps."""
    right = np.zeros(steps)
    for part, labels in _chunks(task):
        trace = golden.run(program, encode(part, steps, task.full_scale))
        assert trace.membrane is not None
        for step in range(steps):
            decided = decide(trace.spikes[-1], trace.membrane[-1], step + 1)
            right[step] += np.count_nonzero(decided == labels)
    return right / len(task.labels)


def snn_side(
    name: str,
    program: Program,
    task: Task,
    *,
    steps: int,
    lanes: int,
    images: int,
    cache_dir: str | None = None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Side:
    """The converted network of ``task`` on a spiking core, ``steps`` steps an image; the first
    ``images``, 1 or more, go through the gateware in Verilator.

    The clocks of all test images are their busy clocks, which golden predicts and the gateware
    counts, times what the simulated ones took for each busy clock.

    Raises
    ------
    AssertionError
        If gateware and golden differ in any spike, membrane or counter.
    """
    params = program.params(lanes=lanes)
    totals: dict[str, int] = {}
    correct = sent = received = 0
    for number, (part, labels) in enumerate(_chunks(task)):
        on_stage(f"{name}: golden, image {number * _CHUNK} of {len(task.labels)}")
        spikes = encode(part, steps, task.full_scale)
        trace = golden.run(program, spikes, lanes=lanes)
        assert trace.membrane is not None
        correct += np.count_nonzero(decide(trace.spikes[-1], trace.membrane[-1]) == labels)
        # Spikes, START and the ENDs.
        sent += int(spikes.sum()) + len(part) * (steps + 1)
        received += int(trace.spikes[-1].sum()) + len(part) * (steps + 1)
        for counter, count in trace.counters.total().items():
            totals[counter] = totals.get(counter, 0) + count
    shown = encode(task.test[:images], steps, task.full_scale)
    wanted = golden.run(program, shown, lanes=lanes)

    def run(spikes: npt.NDArray[np.bool_]) -> golden.Trace:
        return gateware.run(program, spikes, lanes=lanes, cache_dir=cache_dir,
                            on_stage=lambda stage: on_stage(f"{name}: {stage}"))  # fmt: skip

    found = run(shown)
    assert found.membrane is not None and wanted.membrane is not None
    for what, pair in (("spikes", (found.spikes, wanted.spikes)),
                       ("membranes", (found.membrane, wanted.membrane))):  # fmt: skip
        same = all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))
        assert same, f"{name}: {what} differ"
    _same_counters(name, found.counters.total(), wanted.counters.total())
    alone = run(shown[:1])
    n = len(task.labels)
    assert found.cycles is not None and alone.cycles is not None
    a_busy_clock = found.cycles / found.counters.total()["busy"]
    alone_busy = golden.run(program, shown[:1], lanes=lanes).counters.total()["busy"]
    return Side(
        name=name,
        accuracy=correct / n,
        steps=steps,
        operations=totals["synaptic_operations"] / n,
        weight_reads=totals["weight_reads"] / n,
        neurons=sum(population.neurons for population in program.populations),
        events=totals["events"] / n,
        clocks=totals["busy"] / n * a_busy_clock,
        latency_clocks=totals["busy"] / n * alone.cycles / alone_busy,
        link_bytes=line_bytes(sent / n, received / n, event_bytes(params)),
        dsp_operations=totals["updates"] * lanes * decaying_states(params) / n,
        ram_accesses={
            family: ram_accesses(params, totals, bits) / n for family, bits in RAM_WIDTH.items()
        },
        simulated=images,
    )


def a_read(params: CoreParams, ram_width: int) -> int:
    """Block RAM accesses of one more weight word of the spiking core."""
    none = dict.fromkeys(("weight_reads", "updates", "events"), 0)
    return ram_accesses(params, none | {"weight_reads": 1}, ram_width)


def _chunks(task: Task) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    return [
        (task.test[at : at + _CHUNK], task.labels[at : at + _CHUNK])
        for at in range(0, len(task.labels), _CHUNK)
    ]


def _same_counters(name: str, found: dict[str, int], wanted: dict[str, int]) -> None:
    for counter, count in wanted.items():
        assert found[counter] == count, f"{name}: {counter} is {found[counter]}, not {count}"
