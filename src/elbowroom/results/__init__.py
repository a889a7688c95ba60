"""The tables that stages hand to each other, and the vocabulary that they share."""
