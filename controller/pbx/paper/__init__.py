"""A PBX made of paper: for tests, and the one to copy."""
