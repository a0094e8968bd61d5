"""Where a hub reads: one module a source, all behind `base.Source`."""
