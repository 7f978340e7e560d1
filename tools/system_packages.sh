#!/usr/bin/env bash
# Install the Debian packages that Horizon's network needs, when some are missing and we are root;
# else list them. Never asks, never upgrades what is there.
set -euo pipefail

PACKAGES=(
    python3 python3-venv            # the controller
    openvswitch-switch mininet      # switches, and the network around them
    iproute2 iputils-ping ethtool procps    # what it runs in its hosts
    graphviz                        # pictures of the topology (horizonctl topology --format svg)
    nmap                            # neighbors of Xen hosts and routers
    frr                             # routing daemons of routers that are namespaces
    nftables                        # what of a router's packets goes to its virtual machine
    frr                             # a routing daemon in virtual routers, in the tests
    net-tools                       # what make bench compares with
    openvswitch-testcontroller      # a tenant of the slicer's, in the tests
    qemu-system-x86 qemu-utils mmdebstrap e2fsprogs cpio openssh-client    # the Xen lab
    chromium chromium-driver fonts-dejavu-core  # the page's tests, in a real browser
    libvirt-dev pkg-config gcc python3-dev  # libvirt's Python binding, for xen_bridge
)

# Node builds the page; one of another maker, with its own npm, does as well.
command -v npm >/dev/null || PACKAGES+=(nodejs npm)

missing=()
if command -v dpkg-query >/dev/null; then
    for package in "${PACKAGES[@]}"; do
        status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
        [ "$status" = 'install ok installed' ] || missing+=("$package")
    done
else
    for command in ovs-vsctl mn ip ping ethtool qemu-system-x86_64 mmdebstrap; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    {
        echo "setup: not installed here: ${missing[*]}"
        echo "setup: the controller runs without them; the demo and the integration tests do not."
        echo "setup: on Debian: sudo apt-get install --no-install-recommends ${missing[*]}"
    } >&2
    exit 0
fi

echo "==> system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
case " ${missing[*]} " in
    *' frr '*)
        # Its programs are wanted, not the service: routers begin theirs themselves.
        if command -v systemctl >/dev/null; then
            systemctl disable -q --now frr || true
        else
            service frr stop >/dev/null 2>&1 || true
        fi
        ;;&
    *' openvswitch-testcontroller '*)
        # Its program is wanted, not the service: that would listen where controllers do.
        if command -v systemctl >/dev/null; then
            systemctl disable -q --now openvswitch-testcontroller || true
        else
            service openvswitch-testcontroller stop >/dev/null 2>&1 || true
        fi
        ;;
esac
