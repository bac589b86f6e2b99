"""The models that metrics look with, one a file: CLIP, DINO, SAM, detectors, optical flow."""
