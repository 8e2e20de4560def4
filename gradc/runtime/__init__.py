"""Calling compiled code: what a call needs to know, and the checks around it."""
