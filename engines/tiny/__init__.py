"""The bundled small models and the moving-shapes corpus they were trained on; they know shapes only."""
