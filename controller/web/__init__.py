"""What the controller shows over HTTP: whether it is well, and its figures. No call is shown."""
