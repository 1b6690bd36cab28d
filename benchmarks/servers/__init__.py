"""Python servers behind preambles beside the same servers without."""
