"""Compiling C text, keeping the result, and finding it again."""
