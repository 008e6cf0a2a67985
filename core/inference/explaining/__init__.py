"""Why a model decides as it does: attention maps of images, feature importance of tables."""
