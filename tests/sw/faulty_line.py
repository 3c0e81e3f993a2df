"""A pseudo-terminal in front of another one, which spoils what passes."""

import os
import random
import select
import termios
import threading
import tty
from collections import Counter

KINDS = ("flip", "drop", "repeat", "swap")


class FaultyLine:
    """Passes bytes between a host at :attr:`port` and the device at ``device``, and spoils each
    byte with probability ``rate`` in each of :data:`KINDS`. A context manager."""

    def __init__(self, device: str, *, rate: float, seed: int):
        self.rate = rate
        self.faults: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._host, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._device = os.open(device, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._device)
        termios.tcflush(self._device, termios.TCIOFLUSH)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._relay)

    def __enter__(self) -> "FaultyLine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        for end in (self._host, self._slave, self._device):
            os.close(end)

    def _relay(self) -> None:
        other = {self._host: self._device, self._device: self._host}
        while not self._ends.is_set():
            for end in select.select(list(other), [], [], 0.05)[0]:
                try:
                    os.write(other[end], self.spoil(os.read(end, 4096)))
                except OSError:
                    return  # an end has gone

    def spoil(self, data: bytes) -> bytes:
        """What becomes of ``data``."""
        bytes_ = bytearray()
        for byte in data:
            fault = None
            if self._random.random() < self.rate * len(KINDS):
                fault = self._random.choice(KINDS)
                self.faults[fault] += 1
            match fault:
                case "flip":
                    bytes_.append(byte ^ 1 << self._random.randrange(8))
                case "drop":
                    pass
                case "repeat":
                    bytes_ += bytes([byte, byte])
                case "swap" if bytes_:
                    bytes_.insert(len(bytes_) - 1, byte)
                case _:
                    bytes_.append(byte)
        return bytes(bytes_)
