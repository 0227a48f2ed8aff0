"""lolameme: which sequence-mixing architecture learns logic, language and memory, and why."""

__version__ = "0.1.0"
