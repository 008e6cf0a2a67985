"""Source and target side by side: distances, columns that differ, what a run is expected to reach, and which
remedy or source helps.
"""
