"""Profiles: how the tools make steps out of what NIR says in continuous time.

NIR fixes no time step, no order of update, no soft reset; one graph scores 48.6 to 95 % in
different tools for that reason alone (Pedersen et al. 2024, table of the paper on NIR). So the
user names the tool whose result is wanted. Read from the sources of Norse 1.1.0, snnTorch 1.0.0
and sinabs 3.1.3.
"""

from dataclasses import dataclass, field

from hubel.hdl.population import Reset

_PAIR = "snnTorch neither writes nor reads integrators without a leak"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How a tool discretises neurons.

    Parameters
    ----------
    name : str
    reset : Reset
        Reset, unless the user says another.
    exponential : bool
        Decay ``exp(-dt / tau)`` and gain ``r``; otherwise Euler: ``1 - dt / tau`` and
        ``r * dt / tau``.
    at_threshold : bool
        Neurons fire at the threshold, too.
    dt_integrates : bool
        IF and I: gain ``r * dt``; otherwise ``r``.
    floor : bool
        The membrane of IF is never below minus its threshold.
    refused : dict of str to str
        Primitives that the tool cannot mean, and why.
    """

    name: str
    reset: Reset
    exponential: bool = False
    at_threshold: bool = False
    dt_integrates: bool = True
    floor: bool = False
    refused: dict[str, str] = field(default_factory=dict)


#: Profiles by name.
#:
#: - ``nir``: the NIR paper. Forward Euler, v from the new input, ``v > v_threshold``, hard reset.
#: - ``norse``: the same, but IF adds its input whole, without dt.
#: - ``snntorch``: Euler; a soft reset one step late (``reset_delay=True``, its default), although
#:   it writes v_reset = 0 for every reset: give ``reset`` if the model was made otherwise. What
#:   it writes has dt = 1e-4.
#: - ``sinabs``: tau and dt in steps (dt = 1), exponential decay, ``v >= v_threshold``, soft
#:   reset; IF has a floor at minus its threshold. A neuron fires once a step at most, where
#:   sinabs by default sends several spikes in one.
PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="nir", reset=Reset.HARD),
        Profile(name="norse", reset=Reset.HARD, dt_integrates=False),
        Profile(name="snntorch", reset=Reset.SOFT_LATE, refused={"IF": _PAIR, "I": _PAIR}),
        Profile(
            name="sinabs",
            reset=Reset.SOFT,
            exponential=True,
            at_threshold=True,
            dt_integrates=False,
            floor=True,
            refused={
                name: "sinabs has no such neuron in its NIR files" for name in ("CubaLI", "CubaLIF")
            },
        ),
    )
}


def profile_named(name: str | None) -> Profile:
    """The profile called ``name``, or ValueError that lists them."""
    if name not in PROFILES:
        said = "no profile is given" if name is None else f"there is no profile {name!r}"
        raise ValueError(
            f"{said}; NIR leaves the discretisation open, so give one of: {', '.join(PROFILES)}"
        )
    return PROFILES[name]
