"""A port with the Python twin of a device behind it, on a line that may spoil what passes."""

import time
from collections.abc import Callable

from hubel.hdl.identity import Identity
from hubel.hdl.params import CoreParams
from hubel.hdl.program import Program
from hubel.sim.device import Device
from hubel.sw.board import Board

from ..hdl.link_bench import StandIn

Spoil = Callable[[bytes], bytes]


class TwinPort:
    """What a driver opens instead of a serial port.

    Parameters
    ----------
    params : CoreParams
    tag : bytes
        Of the Program that the device has.
    spoil : callable
        What becomes of bytes on the line, each way.
    """

    def __init__(self, params: CoreParams, tag: bytes = bytes(8), spoil: Spoil = lambda data: data):
        self._params, self._tag = params, tag
        self.spoil = spoil
        self.opened = 0
        self.requests: list[bytes] = []
        self.start()

    def start(self) -> None:
        """Start the device (anew)."""
        self.device = self._device()
        self._frame = bytearray()
        self._answer = bytearray()

    def _device(self) -> Device:
        """What is behind the port."""
        self.core = StandIn(self._params)
        return Device(self._params, Identity.of(self._params, tag=self._tag), self.core)

    def open(self, name: str, baud: int) -> "TwinPort":
        """For the ``opener`` of a driver."""
        self.opened += 1
        return self

    def write(self, data: bytes, /) -> None:
        self.requests.append(bytes(data))
        for byte in self.spoil(data):
            if byte:
                self._frame.append(byte)
            elif self._frame:
                stuffed, self._frame = bytes(self._frame), bytearray()
                self._answer += self.spoil(self.device.frame(stuffed))

    def read(self, size: int, /) -> bytes:
        if not self._answer:
            time.sleep(0.0005)
        data = bytes(self._answer[:size])
        del self._answer[:size]
        return data

    def close(self) -> None:
        pass


def twin_board(program: Program, port: TwinPort, **options) -> Board:
    """A driver of ``port``."""
    return Board("twin", opener=port.open, **{"timeout": 0.02, "reconnect_s": 0.2, **options})
