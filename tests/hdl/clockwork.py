"""Who may do what when, by counting whole steps: what a schedule must say, and no more."""

from hubel.hdl.params import CoreParams


class Clockwork:
    """Counts the steps that are done, without a limit.

    Parameters
    ----------
    params : CoreParams

    Attributes
    ----------
    completed : list of int
        Steps of each source whose END was taken.
    finished : list of int
        Steps of each population that were walked.
    """

    def __init__(self, params: CoreParams):
        self.inputs = len(params.inputs)
        self.populations = len(params.populations)
        self.readers = [params.consumers(s) for s in range(len(params.sources))]
        self.completed = [0] * len(params.sources)
        self.finished = [0] * self.populations

    def has_list(self, source: int, step: int) -> bool:
        """There is a list for ``step``: nobody still needs the step two before, which is in it."""
        return all(self.finished[r] > step - 2 + delay for r, delay in self.readers[source])

    def may_start(self, population: int) -> bool:
        """The next step of ``population`` has all that it reads, and a list for its spikes."""
        step = self.finished[population]
        arrived = all(
            self.completed[source] > step - delay
            for source, readers in enumerate(self.readers)
            for reader, delay in readers
            if reader == population
        )
        return arrived and self.has_list(self.inputs + population, step)

    def may_fill(self, source: int) -> bool:
        """There is a list for the next step of an input."""
        return self.has_list(source, self.completed[source])
