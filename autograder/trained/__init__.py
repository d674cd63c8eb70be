"""What a trained model is worth: measured from outside, and beside reference runs."""
