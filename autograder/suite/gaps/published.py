"""The published numbers that stand beside the runs of gaps."""

PUBLISHED = """\
### Published numbers

Cremer, Li and Duvenaud (2018), table 2, nats, gaps of the first 1000 training images:

| trained with | MNIST, Gaussian | MNIST, flow | Fashion, Gaussian | Fashion, flow |
| --- | --- | --- | --- | --- |
| log p(x) | -89.80 | -88.94 | -97.47 | -97.41 |
| L[q*], own family | -91.23 | -90.38 | -100.53 | -99.11 |
| L[q*], Gaussian | -91.23 | -113.54 | -100.53 | -132.46 |
| L[q] | -92.57 | -91.79 | -104.75 | -103.76 |
| approximation | 1.43 | 1.44 | 3.06 | 1.70 |
| amortisation | 1.34 | 1.41 | 4.22 | 4.65 |

Not comparable: the length of training (theirs is the long schedule of Burda et al., 2016), the flow (theirs moves z and an auxiliary variable by
two affine couplings), training images instead of held-out ones, and Fashion-MNIST's binarisation, which gives another log p(x) altogether.
Comparable: which gap is the larger one, and that a Gaussian q* is far worse than the flow's own for a decoder that was trained with a flow.
"""
