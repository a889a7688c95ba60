"""What every stage needs: settings, files, paths, errors."""
