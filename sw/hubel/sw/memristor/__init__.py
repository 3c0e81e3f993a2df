"""Experiments with memristive synapses, on networks that were trained."""
