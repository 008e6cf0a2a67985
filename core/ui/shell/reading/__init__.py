"""The card “How I read it”, shown before an import and when it is read anew."""
