"""Protocol of the nodes: messages as documents, their schema, and XML that may be hostile."""
