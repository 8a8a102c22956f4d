"""What happens to a finished recording, step by step."""
