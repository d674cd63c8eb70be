"""Numbers that others published for these models, for solutions/reference.md."""

PUBLISHED = """\
## Published numbers

| source | test images | VAE 1 | VAE 5 | VAE 50 | IWAE 5 | IWAE 50 |
| --- | --- | --- | --- | --- | --- | --- |
| Burda et al. (2016), table 1: NLL | stochastic | 86.76 | 86.47 | 86.35 | 85.54 | 84.78 |
| Burda et al. (2016), table 1: active units, variance | | 19 | 20 | 20 | 22 | 25 |
| Burda et al. (2016), appendix: NLL | one fixed binarisation of all images | 88.71 | 88.83 | 89.05 | 87.63 | 87.10 |
| nbip/IWAE, a reproduction: NLL | stochastic | 86.35 | 86.10 | 86.06 | 85.18 | 84.59 |
| abdulfatir/IWAE-tensorflow, 400,000 steps: NLL | stochastic | 90.26 | | | 88.49 | 87.34 |
| a course project this kit grew from, 50 epochs: NLL | thresholded | 81.07 | | | 78.37 | |
| the same: active units, KL; SNR | | 15; 0.51 | | | 22; 0.29 | |
| a course's exercise this kit grew from, 20 epochs: training bound, sign of log K in doubt | thresholded | 90.55 | 85.35 | 84.26 | 85.22 | 81.77 |

All of them are on MNIST with one stochastic layer, 784–200–200–50; those of Burda et al. after 3280 epochs, with K = 5000 on all 10,000 test images.

What can be compared: rows with the same test images, and orders within a row. One model scores 9 to 15 nats better on thresholded images than on stochastic ones,
and a fixed binarisation of the training images costs about 2. The last row is no likelihood at all. Its values for one sample of VAE and IWAE, which are one objective,
differ by 0.76: that much is chance.
"""
