"""What is kept about calls and recordings, and what must always be true of it."""
