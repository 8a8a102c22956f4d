"""Asterisk: AMI for what happens and for MixMonitor, ARI for media and as a second witness of endings."""
