"""From a trained network to a Program, to joules and to a report."""
