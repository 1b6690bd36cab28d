"""The library's servers beside the same servers without it."""
