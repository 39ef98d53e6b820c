"""The settings of each kind of source: one model, `Source`, in a file of the kind's name."""
