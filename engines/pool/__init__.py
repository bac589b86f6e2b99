"""Pooling: the frame vectors of a video become one."""
