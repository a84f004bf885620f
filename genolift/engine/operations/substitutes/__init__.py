"""Operations that the library's kernels do not run everywhere, or slowly, written with operations that they run well.

A substitute takes a step, the tensors of its inputs and a function ``run``, which runs the library's own operation on
such tensors. It returns the tensors of the step's outputs. The table of operations refers to substitutes. They import
steps and values, and nothing else of the engine.
"""
