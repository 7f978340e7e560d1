"""What speaks OpenFlow through Ryu: wire guard, codecs, transactions."""
