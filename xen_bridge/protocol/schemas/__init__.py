"""Schemas of the protocol; ``xen_bridge.protocol.schema_writer`` makes ``xen_prototype.xsd``."""
