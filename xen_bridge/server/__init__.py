"""Server of a node: listens, checks, dispatches requests, and passes them on to routers."""
