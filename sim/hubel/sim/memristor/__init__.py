"""Memristive devices, crossbars of them, and the integers that a core reads from them."""
