"""Files as people bring them: archives, folders, label files and tables, read and checked before anything is
stored.
"""
