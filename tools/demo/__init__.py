"""What Horizon does, shown on real switches in about a minute: ``make demo``."""
