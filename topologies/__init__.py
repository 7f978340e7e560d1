"""Networks to run Horizon on: the report's figures, generators, files, and Mininet to run them."""
