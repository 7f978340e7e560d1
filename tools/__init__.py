"""Tools that build, show and check Horizon; not installed with it."""
