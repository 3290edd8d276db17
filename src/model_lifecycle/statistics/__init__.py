"""Statistics and tests on numpy and scipy alone, one a file; none knows where its numbers come from."""
