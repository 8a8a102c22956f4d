"""What a PBX says and beeps about recording: words, sounds, a site's own recordings. Data is in prompts/."""
