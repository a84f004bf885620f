"""The methods that come with genolift: the name of each, where its class is, and a line that says what it shows.

Classes are written as ``"family.module:Class"``, relative to ``genolift.methods``. So a method's module is not imported
before the method is made.
"""

METHODS: dict[str, tuple[str, str]] = {
    "deeplift": ("deeplift.deeplift:DeepLift", "differences from references by DeepLIFT's rules; --rule chooses them"),
    "gradient-x-input": ("gradients.gradients:GradientTimesInput", "gradient × (x − reference)"),
    "guided-backprop-x-input": (
        "gradients.gradients:GuidedBackpropTimesInput",
        "guided backprop × (x − reference); for networks of ReLUs",
    ),
    "deconvnet": (
        "gradients.gradients:Deconvnet",
        "deconvnet's gated gradient × (x − reference); for networks of ReLUs",
    ),
    "integrated-gradients": (
        "gradients.gradients:IntegratedGradients",
        "gradients averaged along the path from the reference, × (x − reference)",
    ),
    "gradient": ("gradients.saliency:Saliency", "the gradient itself; scores are its largest size over the bases"),
    "sensitivity": ("gradients.saliency:Sensitivity", "squared derivatives, summed over the bases"),
    "guided-backprop": ("gradients.saliency:GuidedBackprop", "guided backprop itself; for networks of ReLUs"),
    "cam": ("hidden.class_maps:Cam", "class activation map; for global average pooling and a dense layer after it"),
    "grad-cam": (
        "hidden.class_maps:GradCam",
        "a layer's activations weighed by the target's mean slopes, on the sequence",
    ),
    "guided-grad-cam": ("hidden.class_maps:GuidedGradCam", "guided backprop × Grad-CAM's map; for networks of ReLUs"),
    "expected-gradients": (
        "gradients.expected:ExpectedGradients",
        "gradients at random points between references and x, × (x − reference) (gradient SHAP)",
    ),
    "smoothgrad": ("gradients.smoothing:SmoothGrad", "the mean gradient over noisy copies"),
    "smoothgrad-squared": ("gradients.smoothing:SmoothGradSquared", "the mean squared gradient over noisy copies"),
    "smoothgrad-variance": ("gradients.smoothing:VarGrad", "the variance of the gradient over noisy copies"),
    "deep-shap": ("deeplift.deepshap:DeepShap", "DeepLIFT with the Rescale rule, averaged over one background set"),
    "lrp-epsilon": ("relevance.lrp:LrpEpsilon", "relevance shared out in proportion to each term (LRP-ε)"),
    "lrp-gamma": ("relevance.lrp:LrpGamma", "relevance with positive terms favoured (LRP-γ)"),
    "lrp-alphabeta": ("relevance.lrp:LrpAlphaBeta", "relevance of positive and negative terms apart (LRP-αβ)"),
    "lrp-zb": ("relevance.lrp:LrpBox", "relevance with the box rule z^B where the input is read"),
    "lrp-flat": ("relevance.lrp:LrpFlat", "relevance in equal shares where the input is read"),
    "lrp-wsquare": ("relevance.lrp:LrpWSquare", "relevance by squared weights where the input is read"),
    "lrp-composite": ("relevance.lrp:LrpComposite", "relevance with a rule for each kind of layer"),
    "deep-taylor": (
        "relevance.deep_taylor:DeepTaylor",
        "relevance that is never negative, of positive outputs; for networks of ReLUs",
    ),
    "patternnet": (
        "relevance.patterns:PatternNet",
        "the signal that the output was read from, by patterns fitted on data; for networks of ReLUs",
    ),
    "pattern-attribution": (
        "relevance.patterns:PatternAttribution",
        "shares of the output by weights × patterns fitted on data; for networks of ReLUs",
    ),
    "attention": (
        "hidden.attention:RawAttention",
        "the weights of attention layers: what the model reads, not an attribution",
    ),
    "attention-rollout": (
        "hidden.attention:AttentionRollout",
        "attention followed through all layers: what the model reads, not an attribution",
    ),
    "built-in": (
        "hidden.built_in:BuiltIn",
        "what a network that is built to be read says of itself: the terms that its logit is the sum of",
    ),
    "occlusion": ("perturbation.occlusion:Occlusion", "what the prediction loses when a window is exchanged"),
    "prediction-difference": (
        "perturbation.difference:PredictionDifference",
        "what the prediction loses when a window is unknown: an exact sum over its contents",
    ),
    "lime": ("surrogates.lime:Lime", "a linear surrogate over stretches that are kept or exchanged"),
    "kernel-shap": ("surrogates.kernelshap:KernelShap", "Shapley values of positions by regression on coalitions"),
    "shapley-sampling": ("surrogates.shapley:ShapleySampling", "Shapley values of positions by sampled orders"),
    "ism": ("perturbation.mutagenesis:InSilicoMutagenesis", "the prediction with every other base at every position"),
    "indels": (
        "perturbation.indels:Indels",
        "the prediction with a base inserted, or bases deleted, at every position",
    ),
    "pairwise-mutagenesis": (
        "perturbation.pairwise:PairwiseMutagenesis",
        "what two substitutions in a stretch do together beyond what each does (epistasis)",
    ),
    "interaction-maps": (
        "surrogates.interactions:InteractionMaps",
        "how the importance of every position changes when another is mutated",
    ),
    "surrogate": (
        "surrogates.surrogate:Surrogate",
        "additive and pairwise linear models of the prediction, fitted to mutated copies",
    ),
    "mask": ("perturbation.mask:Mask", "the smallest mask that takes the prediction away (meaningful perturbation)"),
    "sis": ("subsets.sis:SufficientSubsets", "all disjoint subsets of bases that are enough for the prediction"),
    "minimal-change": (
        "editing.minimal_change:MinimalChange",
        "the fewest edits that bring the prediction to a goal (a counterfactual)",
    ),
    "maxent": (
        "subsets.maxent:MaximumEntropy",
        "samples of what the network sees alike, and their information by position",
    ),
}
