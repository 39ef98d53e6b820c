"""The options of each kind of teacher: one model, `Options`, in a file of the kind's name."""
