"""Radiona ULX3S with an LFE5U-12F: the die of a 25F, and the tools give all of it."""

from dataclasses import replace

from amaranth_boards.ulx3s import ULX3S_12F_Platform

from .ulx3s_25f import BOARD as ULX3S_25F

__all__ = ["BOARD"]


BOARD = replace(ULX3S_25F, name="ulx3s_12f", title="ULX3S (ECP5 LFE5U-12F)",
                platform=ULX3S_12F_Platform)
