"""Devices by name."""

from collections.abc import Callable

from .device import Device
from .pcm import pcm_hermes1, pcm_hermes2, pcm_joshi2020, pcm_nandakumar2019
from .reram import generic, rram_cmo_falcone2025, rram_milo2021, rram_wan2022

PRESETS: dict[str, Callable[[], Device]] = {
    "pcm_nandakumar2019": pcm_nandakumar2019,
    "pcm_joshi2020": pcm_joshi2020,
    "pcm_hermes1": pcm_hermes1,
    "pcm_hermes2": pcm_hermes2,
    "rram_wan2022": rram_wan2022,
    "rram_wan2022_crosssim": lambda: rram_wan2022("crosssim"),
    "rram_milo2021": rram_milo2021,
    "rram_cmo_falcone2025": rram_cmo_falcone2025,
    "rram_cmo_falcone2025_2pct": lambda: rram_cmo_falcone2025(2.0),
    "generic": generic,
}


def device_named(name: str) -> Device:
    """The preset ``name``, or ValueError listing all."""
    if name not in PRESETS:
        raise ValueError(f"there is no device {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]()
