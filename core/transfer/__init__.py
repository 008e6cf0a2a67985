"""The strategies, by what they transfer: instances, features, parameters or relations, and how a network is
fitted.
"""
