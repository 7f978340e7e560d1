"""What asks switches for statistics and tells them; core/stats decides, wire/stats reads."""
