"""Hidden tests of the assignment on learnable priors, exercise by exercise.

As in the suite of `vae`, a test asks `student` for one behaviour on inputs from `draw`, and the truth comes from
`oracles`. An early mistake costs once:

- log|det| of a layer is also right where it is that of the student's own map, and an inverse where the student's own
  layer takes it back to y. A layer that does not bend proves nothing and does not count as one's own.
- A flow prior is also right where it is what the student's own layers make of it.
- What K samples or float32 do is judged against the student's own answers as well: the formula is judged elsewhere.
- mixture_sample is judged on parameters, without log_prob; monte_carlo_elbo with the student's own log_prob.

Shapes: B codes, K samples, D latent dimensions, C components. Random results are compared at a false-alarm rate of
1e-9 a test.
"""
