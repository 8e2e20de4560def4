"""Calling compiled code: what a call needs to know, and the checks around it.

================  ==================================================================
``plan``          ``CallPlan``, ``BufferSlot``: the agreement, kept as JSON
``call``          ``caller(function, plan) -> Caller``: call it, or bind it
``quick``         the same without conversions, written for one plan
``native_calls``  the same made in C, as soon as the library for it can be loaded
``arguments``     making an argument fit, or refusing it
``workspace``     scratch memory per thread
================  ==================================================================
"""
