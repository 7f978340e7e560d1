"""What ``make dist`` and ``make package-test`` make: wheel, source archive, Debian package, trial."""
