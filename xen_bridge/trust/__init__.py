"""Trust between nodes: who a node is, whom it knows, and TLS made of both."""
