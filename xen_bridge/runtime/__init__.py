"""Runtime: how a program does several things at once and waits, whatever it runs on."""
