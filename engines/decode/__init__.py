"""From a video file to sampled, resized frames. Each file here but `guard` and `worker` is a decoder."""
