"""The operator's tool: look at dead letters, replay them, follow what happens."""
