"""What the commands do, as ten functions that return polars frames; `import resolver_diff` has them.

Nothing is printed: what is wrong but stops nothing is a ResolverDiffWarning, and what cannot be done is one
of the errors of ``resolver_diff.errors``. The commands call the same code, so that both say the same.
"""
