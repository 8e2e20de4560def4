"""Record plain NumPy functions as graphs."""
