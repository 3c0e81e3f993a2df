"""The bit-exact golden model and the simulators that are compared with it."""
