"""What flows are, which entries they need, and in which order entries may change."""
