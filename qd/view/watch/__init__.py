"""A run in the terminal while it goes: another process makes it, this one only reads its folder."""
