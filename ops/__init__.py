"""What people run from their own machine."""
