"""Learning without labels: experiments on the golden model of the learning core."""
