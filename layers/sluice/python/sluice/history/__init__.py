"""What is known of an agent's earlier records: read once a batch, written once it is acknowledged.

It leads to flags, tags and imputed values, never to an identity; where nothing is known, to nothing.
"""
