"""How the catalogue's tables came to be, one step per version of them."""
