"""The bundled text-to-video pipeline: what it is trained on, and the scripts that train it."""
