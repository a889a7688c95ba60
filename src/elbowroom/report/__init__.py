"""The pages of a study: index.html and README.md."""
