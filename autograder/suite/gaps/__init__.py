"""Hidden tests of the assignment on inference suboptimality, exercise by exercise.

A test asks `student` for one behaviour on inputs from `draw`. The truth comes from `truth`: linear-Gaussian models told by binary
images, with log p(x), posterior and best approximations in closed form; and from `oracles`: Bernoulli models with one latent
dimension, whose log p(x) is an integral.

What an algorithm draws inside cannot be known. Where a value decides, the draws are taken out of it: a prior whose samples follow a
script, steps that are all refused, a likelihood that ignores z, no step at all. Elsewhere a distribution decides, with its
false-alarm rate, and many alike images give independent answers. Right is every transition that leaves its target as it is, however
slowly it gets around, and every optimizer.
"""
