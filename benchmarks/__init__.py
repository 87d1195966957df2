"""Measurements of a real server; each script runs as `python -m benchmarks.NAME`.

Those that need documents or questions find them in the folder named by RAGLINE_TEST_DATA.
"""
