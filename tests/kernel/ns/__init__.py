"""Tests of the kinds of namespaces."""
