"""The demonstration that `make demo` runs, and the synthetic acquisition it (and the tests) use."""
