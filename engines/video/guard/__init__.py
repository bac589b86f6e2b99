"""Decoding in killable processes: deadlines, memory limits and one retry."""
