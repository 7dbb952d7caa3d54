"""Turns a trained model's folder into the quantised files that the browser loads."""
