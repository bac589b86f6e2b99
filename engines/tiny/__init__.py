"""The bundled small models, which know shapes only, and the corpus of moving shapes."""
