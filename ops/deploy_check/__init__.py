"""Ask a deployed stage what no test can answer without an account."""
