// Small static programs for the cluster: pid 1 of a node, the sandbox process of pods, a probe, a maker of images.
// Nothing but Go's own library, so that an image holds one file of a few megabytes.
module shakedown.dev/cluster/tools

go 1.26
