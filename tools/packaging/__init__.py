"""What ``make dist`` and ``make package-test`` make: wheel, archive, Debian package, trial."""
