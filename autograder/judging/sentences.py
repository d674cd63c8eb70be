"""What students are told about mistakes that several exercises share, or that no formula shows: each sentence once.

A sentence names what the answer looks like and where to look; it never states the solution.
"""

SMALL_NUMBER = (
    "A small number is added to keep something away from zero, or it has a floor. With a narrow distribution that is "
    "no longer small: where log_var is given, no such help is needed."
)
LOG_OF_DENSITY = (
    "The density is computed first, and its logarithm after: far from the mean a density rounds to zero, and its "
    "logarithm to minus infinity. Stay with logarithms throughout."
)
LOG_OF_DENSITY_FLOORED = (
    "The density itself is computed, with a small number under the logarithm: far from the mean only that number is "
    "left. Stay with logarithms throughout."
)
SUM_ITSELF = "Keep the logarithm of the sum of the weights, not the sum itself."
CLIPPED = "The gradient is clipped before the step. The step asked for uses it as it comes."
THRESHOLDED = (
    "The frequencies are those of a threshold: a logit above zero always gives 1. Each pixel is drawn with its own "
    "probability."
)
PROBABILITIES = "These are probabilities. A sample of a binary pixel is 0 or 1."
INVERTED = "Ones come as often as zeros should: is the comparison the wrong way round?"
SHARED_NOISE = "Pixels that should be independent are drawn with the same random number."
GENERATOR_IGNORED = "Hand the generator that you are given to every function that draws random numbers."
PRINTED = "Remove print calls from functions: they run thousands of times during training."
IN_PLACE = "An operation that ends in an underscore, or +=, changes its argument for everybody who holds it."
SIGMOID_IN_DECODER = "A decoder whose last layer is a sigmoid (or another squashing function) returns no logits."
LAST_ACTIVATION = "An activation after the last layer keeps its outputs on one side."
ROWS_COUPLED = (
    "Something in it mixes the images of a batch, or is random: batch statistics, dropout that stays on, a reshape "
    "that swaps axes?"
)
DETACHED = "Something cuts the graph: detach, no_grad, .data, .item(), or a new tensor made from values."
TERM_DETACHED = (
    "Something cuts the graph for one of its terms, whose value is right: detach, no_grad, .item(), or a new tensor "
    "made from values."
)
OPPOSITE_GRADIENT = "The gradient has the opposite sign."
UNUSED = "The answer does not change with it at all: where is it used?"
UNSTEADY = "Two calls with the same inputs give different answers: nothing is to be drawn at random here."
OTHER_DTYPE = "The dtype is another one. Create new tensors with the dtype and device of the inputs."
NOT_FLOATING = "True and False, or whole numbers, stand where the values themselves are asked."
GLOBAL_USED = (
    "Torch's global generator is drawn from or seeded. Hand the generator that you are given to every function that "
    "draws random numbers."
)
NOT_RANDOM = "The same comes back whatever the seed is: is nothing drawn at all, or a seed set inside the function?"
NOT_DRAWN = "All answers are the same. Draw each pixel by its own probability."
NOISE_DISTRIBUTION = (
    "The noise has another distribution than N(0, 1): its mean, its width or its shape. Which function draws normal "
    "numbers?"
)
SEARCH_ENDS = (
    "It comes close, but not close enough: does the search end too early, or is it done in float32? Count the digits "
    "that a step gains."
)
GRADIENT_LEFT = "Nothing here is to be trained: torch.no_grad keeps the graph from being built."
MODE_CHANGED = "Calls of eval() and train() stay in force after the function has returned."
EPS_SHARED = "Every image and every latent dimension has its own noise."
EPS_FIXED = "The noise is the same in every call: draw it anew, and do not seed inside the function."
MODE_DURING = "The model is in training mode during the call: batch norm and dropout act, and change it."
SMALL_VARIANCE = (
    "A small variance is floored, rounded or left out. Any positive one counts, however small: compare with zero."
)
EPS_MANY = "Several codes are decoded for an image. The loss of a batch has one noise for every image, no more."
RESEEDED = "A seed is set inside the function. That changes every random number drawn afterwards, everywhere."
GRADIENTS_OFF = (
    "Gradients stay switched off after the call, for all that follows: torch.no_grad() as a context ends with it, "
    "torch.set_grad_enabled(False) does not."
)
DEFAULT_DTYPE = "torch.set_default_dtype stays in force after the function has returned, for everybody."
DIVERGENCE_MISSING = (
    "This is the reconstruction alone. The loss is the negative of `elbo`, which has the divergence in it, too."
)
PRIOR_IGNORED = "Where the model has a prior of its own, codes come from that prior."
DIRECTION = (
    "The layers are run forward at z, but combined as if they made z out of noise. Which way do your layers go, from "
    "z to noise or from noise to z? log N is taken at the noise, and log|det| says how f changes volume on the way "
    "there."
)
ONE_COMPONENT = "All codes of a call come from one component. Each code draws a component of its own."
COMPONENTS_AVERAGED = (
    "The components are averaged: codes lie between them. A code belongs to one component, which is drawn first."
)
COMPONENTS_UNIFORM = "All components are drawn equally often, whatever the logits are."
COMPONENTS_SORTED = "Codes that follow each other come from the same component more often than chance has it."
NOISE_MISSING = "Codes lie at the means of the components: where is the noise?"
VARIANCE_AS_STD = "The noise is scaled by the variance. Which number scales a standard normal draw?"
WIDTH_IGNORED = "All components have the same width, whatever log_var is."
NOISE_SHARED = "Every code and every dimension has noise of its own."
COMPONENTS_EQUAL = (
    "Components that start equal get equal gradients, and stay equal: start them from different random values."
)
FOLDED = (
    "Where wᵀu is far below -1 the layer goes back and forth along w: two points land on one, and there is no "
    "inverse. That is what the constraint is for."
)
LAYER_SHARED = "All places of the list hold one and the same layer. Make a new one for each."
SAMPLED_FORWARD = (
    "The samples look as if noise had been run forward through the layers. They map z to noise: sampling has to go "
    "the other way."
)
SAMPLED_IN_ORDER = "The samples look as if the layers were undone in the wrong order. Which one was the last?"
SAMPLED_NOISE = "The samples are the noise itself."
KEPT_VALUES = "Compute what follows from parameters in every call: training changes them."
LOG_K_SIGN = (
    "log K is added where it is to be subtracted. Copy every sample once, so that there are 2K: does your bound stay "
    "what it was?"
)
LOG_K_MISSING = (
    "log K is missing: the weights are summed, where their mean is asked. Copy every sample once, so that there are "
    "2K: does your bound stay what it was?"
)
BOUND_NOT_TIGHTER = "The bound does not get tighter with K. Which comes first, the mean or the logarithm?"
MEMORY_GROWS = (
    "Something of the size of all samples is kept: noise, logits, or the graph of every chunk, which torch.no_grad "
    "keeps from being built. Draw, decode, and reduce to log weights chunk by chunk."
)
SAMPLES_LEFT_OUT = "Fewer than num_samples samples are decoded: what becomes of those that do not fill a chunk?"
NOISE_REPEATED = "All chunks, or all images, seem to share their noise: draw new noise for each."
RUNS_ALIKE = "The noise is the same in every run: draw it anew, and do not seed inside the function."
NOT_AVERAGED = "The images are summed where their mean is asked."
SAMPLES_IGNORED = "The variance is that of a single sample: is num_samples used?"
STANDARD_DEVIATION = "This looks like a standard deviation; the variance is asked."
DEAD_COUNTED = (
    "Entries whose gradient is the same in every run take part in the mean. The weights of a pixel that is 0 in all "
    "images have no gradient, and no signal-to-noise ratio: leave them out."
)
AVERAGED_FIRST = (
    "Signal and noise are averaged over the entries before they are divided. The ratio is taken for each entry, then "
    "the mean."
)
RATIO_OF_VARIANCE = (
    "The two numbers do not fit each other. The first is a variance, not its root; the second is divided by the "
    "variance's root, not by the variance."
)
GRADIENT_OF_ELBO = "This is the gradient of the ELBO with K samples, whose signal does not fall with K."
MEAN_CHANGED = "A row or an element of a tensor is the tensor itself: clone what you are going to write into."
STRICT_THRESHOLD = "A dimension is active where its statistic exceeds the threshold that was given."
OWN_OPTIMIZER = (
    "The step is not one of the optimizer that is given, but of one made inside the function, without the given one's "
    "kind, options or memory."
)
