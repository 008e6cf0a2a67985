"""Transfer of parameters: pretrained weights, trained further or used as a prior."""
