"""Two real Xen hosts on one machine without virtualization hardware: QEMU emulates the machines.

Each runs Xen 4.17 with a Debian Domain 0, libvirt and ``xen-bridge serve``; its paravirtual guests
run ``xen-bridge agent``. Everything listens on loopback, and nothing inside can reach out.

::

    machine that runs the lab                 10.77.0.0/24, a wire between the two machines
      127.0.0.1:PORT ──► xen1 Domain 0 ──┬── xenbr0 ─ 10.77.0.1
                           guests r1 … ──┘              │
      127.0.0.1:PORT ──► xen2 Domain 0 ──┬── xenbr0 ─ 10.77.0.2
                           guests r1 … ──┘

``python -m topologies.lab start`` builds it the first time (some minutes) and starts it;
:class:`topologies.lab.lab.XenLab` is the same for programs.
"""
