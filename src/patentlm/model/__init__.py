"""Networks and how they learn; knows nothing of patents."""
