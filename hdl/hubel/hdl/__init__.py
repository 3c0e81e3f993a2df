"""Amaranth components of the spiking core, their parameters, and the Program they run."""
