"""Neurons of NIR as populations, in the terms of a profile."""

from dataclasses import dataclass
from typing import Any

import nir
import numpy as np

from hubel.hdl.population import Reset
from hubel.hdl.shape import Shape

from ..network import Floats, Neurons
from .fields import Dims, fitted, shared
from .profiles import Profile


@dataclass(frozen=True, eq=False)
class Step:
    """Neurons that are fed with ``dims``, and how their time becomes steps of ``dt``.

    All arrays have shape (neurons,).
    """

    node: nir.NIRNode
    dims: Dims
    profile: Profile
    dt: float

    def of(self, what: str, *, infinite: bool = False) -> Floats:
        """A parameter."""
        return fitted(self.node, what, self.dims, infinite=infinite)

    def decay(self, what: str) -> Floats:
        """What remains after a step, from a time constant."""
        tau = self.of(what, infinite=True)
        if (tau <= 0).any():
            raise ValueError(f"{what} must be above 0, not {tau.min():.6g}")
        if self.profile.exponential:
            return np.exp(-self.dt / tau)
        if (tau < self.dt).any():
            raise ValueError(
                f"{what} {tau.min():.6g} is less than dt = {self.dt:.6g}: Euler's method would "
                f"overshoot; give a smaller dt, in the graph's unit of time"
            )
        return 1 - self.dt / tau

    def gain(self, tau_name: str, r_name: str) -> Floats:
        """What a step adds to a leaky state for each unit of input."""
        r = self.of(r_name, infinite=True)
        if self.profile.exponential:
            gain = r
        else:
            tau = self.of(tau_name, infinite=True)
            with np.errstate(invalid="ignore"):
                gain = r * (self.dt / tau)
            if self.profile.name == "snntorch":
                # It writes beta = 1 as tau = infinite and r = tau / dt: a gain of 1.
                gain = np.where(np.isinf(tau) & np.isinf(r), 1.0, gain)
        if not np.isfinite(gain).all():
            raise ValueError(
                f"{r_name} and {tau_name} make no gain: {r_name} * dt / {tau_name} is infinite or "
                f"NaN; give finite numbers"
            )
        return gain

    def leak(self, tau_name: str) -> Floats:
        """What a step adds because of ``v_leak``."""
        v_leak = self.of("v_leak")
        if not v_leak.any():
            return v_leak
        if self.profile.exponential:
            raise ValueError(f"v_leak must be 0 in profile {self.profile.name}")
        return v_leak * (self.dt / self.of(tau_name, infinite=True))


def neurons(
    name: str, shape: Shape, step: Step, reset: Reset | None, bias: Floats
) -> tuple[Neurons, Floats]:
    """A population, and the gain of each neuron: what its weights must be multiplied by.

    Parameters
    ----------
    name, shape : str, Shape
    step : Step
    reset : Reset, optional
        Reset, where not the one of the profile is meant.
    bias : array of float, shape (neurons,)
        Constant input of each step.

    Raises
    ------
    ValueError
        If the profile has no such neuron, or a parameter is out of its range.
    """
    node, profile = step.node, step.profile
    kind = type(node).__name__
    if kind in profile.refused:
        raise ValueError(f"cannot be run in profile {profile.name}: {profile.refused[kind]}")
    extra: dict[str, Any] = {}
    if isinstance(node, nir.Threshold):
        gain, decay, constant = np.ones(shape.neurons), np.zeros(shape.neurons), bias
    elif isinstance(node, (nir.IF, nir.I)):
        gain = step.of("r") * (step.dt if profile.dt_integrates else 1.0)
        decay, constant = np.ones(shape.neurons), gain * bias
    elif isinstance(node, (nir.CubaLIF, nir.CubaLI)):
        # Decays first: they check the time constants.
        decay, u_decay = step.decay("tau_mem"), step.decay("tau_syn")
        gain = step.gain("tau_syn", "w_in") * step.gain("tau_mem", "r")
        leak = step.leak("tau_mem")
        if profile.name == "norse" and leak.any():
            raise ValueError("v_leak must be 0 in profile norse, which adds it to the current, too")
        extra, shift = _current(u_decay, gain * bias)
        constant = leak + shift
    else:
        assert isinstance(node, (nir.LIF, nir.LI))
        decay = step.decay("tau")
        gain = step.gain("tau", "r")
        constant = gain * bias + step.leak("tau")
    extra |= _firing(step, reset or profile.reset)
    return Neurons(
        name=name, shape=shape, decay=shared(decay), bias=shared(constant), **extra
    ), gain


def _current(u_decay: Floats, constant: Floats) -> tuple[dict[str, Any], Floats]:
    """Parameters of a synaptic current to which each step adds ``constant``, and what the membrane
    gets for it.

    The current has no bias of its own: ``u' = u - c`` with ``c = constant / (1 - u_decay)`` needs
    none, starts from ``-c``, and the membrane gets the ``c`` that is missing.
    """
    if (constant[u_decay == 1] != 0).any():
        raise ValueError("a bias into a current that does not decay (infinite tau_syn) never ends")
    rest = np.where(u_decay == 1, 0.0, constant / np.where(u_decay == 1, 1.0, 1 - u_decay))
    return {"u_decay": shared(u_decay), "u_init": shared(0.0 - rest)}, rest


def _firing(step: Step, reset: Reset) -> dict[str, Any]:
    """Parameters of the threshold and the reset."""
    node, profile = step.node, step.profile
    if isinstance(node, (nir.LI, nir.I, nir.CubaLI)):
        return {"threshold": np.inf, "reset": Reset.SOFT}
    if isinstance(node, nir.Threshold):
        # Without memory, a reset has nothing to reset.
        return {"threshold": shared(step.of("threshold")), "reset": Reset.HARD}
    threshold = shared(step.of("v_threshold"))
    v_reset = shared(step.of("v_reset")) if reset is Reset.HARD else threshold
    found = {
        "threshold": threshold,
        "reset": reset,
        "v_reset": v_reset,
        "at_threshold": profile.at_threshold,
    }
    if profile.floor and isinstance(node, nir.IF):
        if not isinstance(threshold, float) or threshold < 0:
            raise ValueError(
                f"profile {profile.name} has a floor at minus the threshold, which must be one "
                f"number of 0 or more for all neurons"
            )
        found["v_min"] = -threshold
    return found
