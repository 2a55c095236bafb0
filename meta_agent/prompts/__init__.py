"""What we say to the model, one file each."""
