"""What makes pages of the documentation, and what checks that they show what is so."""
