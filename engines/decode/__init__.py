"""From a video to sampled frames; each file here is a decoder, run in the guard's children."""
