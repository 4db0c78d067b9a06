"""Benchmarks: CPU time per operation of Asterism and of the peers installed beside it."""
