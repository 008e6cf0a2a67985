"""Runs on images, and tasks on a version's images."""
