"""Live migration of real Xen domains: where they may go, what moves them, what is made whole."""
