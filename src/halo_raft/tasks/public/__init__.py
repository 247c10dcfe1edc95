"""Public data sets: which there are (`catalogue`), their rows from the hub (`hub`) or from a copy here (`copies`)."""
