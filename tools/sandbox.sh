#!/bin/sh
# Run a command with a network, an Open vSwitch and processes of its own, as root: what several
# such commands make beside one another may have the same names, and all of it is gone when they
# have ended, however they end.
set -eu

if [ "${1:-}" != --inside ]; then
    exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" --inside "$@"
fi
shift
# What is in /sys/class/net is of the network that /sys was mounted in.
mount -t sysfs sysfs /sys
for folder in /run/openvswitch /etc/openvswitch /var/log/openvswitch; do
    mkdir -p "$folder"
    mount -t tmpfs tmpfs "$folder"
done
ip link set lo up
# Not by exec: the first process of a sandbox has to wait for children that others left. An
# interrupt is for the command, whose status then is ours.
trap : INT
status=0
"$@" || status=$?
exit "$status"
