"""Phones: what desk phones ask for with their keys beside the call itself, and what their lamps and screens show."""
