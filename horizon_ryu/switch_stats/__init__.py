"""What asks switches for statistics and tells them; core/stats decides, openflow/stats reads."""
