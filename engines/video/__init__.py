"""Reading and writing video: containers, frame sampling, seeking, pictures of one size."""
