"""OpenFlow through Ryu: connections, packet-ins, transactions with switches."""
