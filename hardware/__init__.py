"""From a phone's signal to a Key. A leaf: imports nothing of controller."""
