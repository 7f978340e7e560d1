"""The Xen hosts that the controller looks after: connections, what is known of each, events."""
