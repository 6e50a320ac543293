"""Lambda function `preprocess`: a batch of raw records in, a partial batch response out."""

from sluice.wiring import preprocess

handler = preprocess()
