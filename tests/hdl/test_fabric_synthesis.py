"""What Yosys makes of the port of an endpoint, and of credits in a core."""

from functools import cache

import pytest

from hubel.boards.icebreaker import BOARD as ICEBREAKER
from hubel.boards.ulx3s import BOARD as ULX3S
from hubel.hdl.core import Core
from hubel.hdl.fabric_packet import RouterParams
from hubel.hdl.fabric_port import FabricPort
from hubel.hdl.fabric_program import Endpoint, Grant, Receiver, Sender, Spikes
from hubel.hdl.shape import Shape

from .sizes import sizes
from .test_synthesis import SCRIPTS, program
from .yosys import synthesise

BOARDS = {ICEBREAKER.name: ICEBREAKER, ULX3S.name: ULX3S}


def port() -> FabricPort:
    """Of a core of a 3 x 3 mesh: a part of a layer that nine cores read, one input, and that layer,
    which comes in nine parts; packets of 32 bits."""
    params = sizes((Shape(64), Shape(128)), (Shape(16),), [(0, 0, 0), (1, 0, 1)])
    endpoint = Endpoint(
        senders=(Sender(key=40, shape=Shape(128), channels=16, first_channel=48, readers=9),),
        receivers=(Receiver(parts=1, grant_key=41), Receiver(parts=9, grant_key=42)),
        heard={n: Grant(0) for n in range(9)}
        | {9: Spikes(0)}
        | {10 + n: Spikes(1) for n in range(9)},
    )
    router = RouterParams(key_bits=10, payload_bits=22)
    return FabricPort(endpoint, params, router, sends=(2,), reads=(0, 1))


@cache
def cells(board_name: str) -> tuple[dict[str, int], dict[str, str]]:
    return synthesise(port(), SCRIPTS[board_name], platform=BOARDS[board_name].platform())


@pytest.mark.parametrize("board_name, most", [(ULX3S.name, 80), (ICEBREAKER.name, 80)])
def test_port(board_name: str, most: int) -> None:
    """One block RAM, and a tenth of a core."""
    found, memories = cells(board_name)
    print(board_name, found, memories)
    assert found["block_ram"] == 1
    assert found["lut4"] + (2 if board_name == ULX3S.name else 1) * found.get("carry", 0) <= most
    # Packets on their way in and out, and a few bits of credits.
    assert found["ff"] <= 80


@pytest.mark.long
def test_credits_cost_next_to_nothing() -> None:
    """The core of the digits with and without."""
    network = program("digits")
    found = []
    for credits in (False, True):
        core = Core(network.params(lanes=8), network, credits=credits)
        found.append(synthesise(core, SCRIPTS[ULX3S.name], platform=ULX3S.platform())[0])
    without, with_ = (f["lut4"] + 2 * f["carry"] for f in found)
    print(f"{without} LUT4, {with_} with credits")
    assert without <= 1500
    assert with_ - without <= 15
