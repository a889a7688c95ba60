"""Run the stages of a study, several at a time."""
