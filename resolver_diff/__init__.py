"""Ask many DNS resolvers the same questions, keep what they said, say what changed."""

__version__ = "0.1.0"
