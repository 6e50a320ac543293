"""Redaction: secrets and personal data → `<KIND:8 hex>`, before anything durable but the raw bytes."""
