"""One TOML file: described, validated, frozen."""
