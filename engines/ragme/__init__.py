"""The files of RAGME and clip-video-encode, written and read."""
