"""One interface to the hypervisor, and its back ends: libvirt on Xen, libvirt's test, memory."""
