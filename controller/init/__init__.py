"""`onrecord init`: what an existing Asterisk needs for recording; shown first, applied with a backup, taken back."""
