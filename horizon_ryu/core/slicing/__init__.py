"""What decides how one network is shared by many controllers (report 3.1)."""
