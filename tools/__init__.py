"""What builds, shows and checks Horizon; not installed with it."""
