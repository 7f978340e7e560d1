"""``horizonctl``, the command line of the piloting plane."""
