"""DTMF, heard in the sound itself (tones) or carried beside it by RFC 4733 (events)."""
