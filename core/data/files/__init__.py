"""Reading imported files: archives, folders, label files and tables, checked before anything is stored."""
