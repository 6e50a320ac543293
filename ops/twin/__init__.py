"""The local twin: broker, cache, S3, the Lambda runtime and the event source mapping on one machine."""
