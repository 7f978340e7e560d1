"""Routes through the network from port to port: through waypoints, and given ones checked."""
