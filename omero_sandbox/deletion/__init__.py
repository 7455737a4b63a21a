"""Delete2: which rows go with which, and the files of those that have any."""
