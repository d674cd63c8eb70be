"""Hidden tests of the assignment on variational autoencoders, exercise by exercise.

A test asks `student` for one behaviour on inputs from `draw`; the truth comes from `oracles`. Where a function builds
on earlier ones, an answer is also right if it is what those earlier functions of the same submission make of it: an
early mistake costs once. Shapes: B images, K samples, D latent dimensions, images (1, height, width). Random results
are compared at a false-alarm rate of 1e-9 a test.
"""
