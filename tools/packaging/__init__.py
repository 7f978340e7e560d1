"""What ``make dist`` makes (wheels, source archive, Debian package), and the trial of it."""
