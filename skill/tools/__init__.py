"""What agents call: tools over the verbs, each with one contract, all behind one door."""
