"""Radiona ULX3S with an LFE5U-25F (speed grade 6), FT231X."""

from dataclasses import replace

from amaranth_boards.ulx3s import ULX3S_25F_Platform

from .ulx3s import BOARD as ULX3S

__all__ = ["BOARD"]


BOARD = replace(ULX3S, name="ulx3s_25f", title="ULX3S (ECP5 LFE5U-25F)",
                platform=ULX3S_25F_Platform,
                resources={"logic": 24288, "block_ram": 56, "spram": 0, "dsp": 28})
