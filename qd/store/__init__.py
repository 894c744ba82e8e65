"""A run on disk: what is written, when, and how it is read back. Reading executes nothing."""
