"""From a video to sampled frames; each file here is a decoder, run inside `engines.guard`'s children."""
