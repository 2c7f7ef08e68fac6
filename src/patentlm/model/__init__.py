"""Networks: cells, heads, losses and memory; nothing here knows patents or training."""
