"""Statistics of switches, asked for and told; core/stats decides, wire/stats reads."""
