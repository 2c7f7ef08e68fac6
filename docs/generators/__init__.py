"""Pages that are made from the code, the configuration and the result files."""
