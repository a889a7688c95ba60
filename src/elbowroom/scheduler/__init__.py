"""Run the stages of a study through DVC, several at a time."""
