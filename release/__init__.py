"""What is published of Guichet besides its wheel, made from what the project already says."""
