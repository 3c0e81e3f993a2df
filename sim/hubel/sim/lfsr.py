"""The random bits of stochastic rounding: a linear feedback shift register.

The gateware twin is :class:`hubel.hdl.lfsr.Lfsr`.
"""

from hubel.hdl.lfsr_params import LFSR_WIDTH, lane_shift

_NEW = (1 << (LFSR_WIDTH - 1)) - 1


def advance(state: int) -> int:
    """The register after 62 shifts: ``b[n] = b[n - 63] ^ b[n - 62]``, which never reads a bit that
    is new (x**63 + x + 1 is primitive: a period of 2**63 - 1)."""
    return state >> (LFSR_WIDTH - 1) | ((state ^ state >> 1) & _NEW) << 1


def random_bits(state: int, lane: int, lanes: int) -> int:
    """16 bits for ``lane``: the register, rotated, so that lanes see different ones."""
    shift = lane_shift(lane, lanes)
    return (state >> shift | state << (LFSR_WIDTH - shift)) & 0xFFFF
