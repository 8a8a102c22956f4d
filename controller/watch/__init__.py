"""Watching over what runs: do files grow, do both sides speak, is there room? Never believes a reply."""
