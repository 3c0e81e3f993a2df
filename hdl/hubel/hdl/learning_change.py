"""What a learning core tells a bench: the words of weights that change."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from .skewed_memory import SynapseLayout
from .stdp_params import LearningParams

__all__ = ["ChangeLayout", "ChangeSignature"]


class ChangeLayout(data.StructLayout):
    """A word of weights and where it is."""
    def __init__(self, params: LearningParams):
        super().__init__({
            "synapses": SynapseLayout(params),
            "word": data.ArrayLayout(params.weight_width, params.lanes)})


class ChangeSignature(wiring.Signature):
    """Words that cannot wait: a stream without ``ready``."""
    def __init__(self, params: LearningParams):
        super().__init__({"payload": Out(ChangeLayout(params)), "valid": Out(1)})
