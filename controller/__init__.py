"""The call-recording controller: from PBX events to governed recordings."""
