"""Beyond the paper. The core imports a module of this room only inside the function that serves its
flag; read the five modules first."""
