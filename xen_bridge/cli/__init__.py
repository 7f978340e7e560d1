"""Commands of ``xen-bridge`` that begin no service: of a node's files, neighbours and planes."""
