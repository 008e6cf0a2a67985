"""Transfer of relations: distillation from a teacher."""
