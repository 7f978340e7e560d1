"""OpenFlow on the wire: messages as values and as bytes. Knows no Ryu, no hub, no other part."""
