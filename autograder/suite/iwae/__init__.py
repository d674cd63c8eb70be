"""Hidden tests of the assignment on importance weighted autoencoders, exercise by exercise.

As in the suites before it, a test asks `student` for one behaviour on inputs from `draw`, and the truth comes from
`oracles`. An early mistake costs once:

- iwae_bound, normalized_weights and iwae_loss take log weights that the suite makes, active_units and latent_traversal
  its models: a wrong log_weights touches none of them.
- iwae_loss in its form "fast", log_likelihood and gradient_snr are also right where they are what the student's own
  iwae_bound, or log_weights, make of the same weights or of other noise.
- What extreme weights do is judged against the student's own answers as well: the formula is judged elsewhere.

Shapes: B images, K samples, D latent dimensions. Most of what is random here is asked in a way whose answer is known:
a model that follows a script, weights that are all equal, runs whose noise is repeated by a seed. Where chance remains,
a right answer fails once in 1e9 times.
"""
