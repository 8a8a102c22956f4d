"""The pure centre: what happened, what is wanted, what to ask for. No I/O, no clock, no third-party import."""
