"""The schemas of the protocol; ``xen_prototype.xsd`` is made by ``xen_bridge.schema_writer``."""
