"""Width and taps of the shift register that rounds stochastically."""

__all__ = ["LFSR_SEED", "LFSR_WIDTH", "lane_shift"]

#: x**63 + x + 1 is primitive (Xilinx XAPP 052), and its taps are so far back that 62 new bits
#: depend on old ones only: one XOR each.
LFSR_WIDTH = 63

#: Contents after a reset; anything but 0.
LFSR_SEED = 0x6A09E667F3BCC908


def lane_shift(lane: int, lanes: int) -> int:
    """From which bit on ``lane`` takes its random bits."""
    return lane * LFSR_WIDTH // lanes
