"""Doorstep's application code: one package per context, `kernel` under all of them, `edge` towards HTTP."""
