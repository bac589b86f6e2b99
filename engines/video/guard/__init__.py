"""Decoding in processes that can be ended: deadlines, memory limits and second chances."""
